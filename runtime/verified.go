package batpak

// verified is how far a stream has been verified.
type verified struct {
	entity  string
	version uint64
	hash    Hash
	broken  bool
}

// met reports whether an event of the stream was verified, or found to be damaged.
func (s *verified) met() bool { return s.version > 0 || s.broken }

// heads are the streams that a verification has heard of, by their entities.
type heads map[string]*verified

// of is the stream of an entity.
func (h heads) of(entity string) *verified {
	s := h[entity]
	if s == nil {
		s = &verified{entity: entity}
		h[entity] = s
	}
	return s
}

// met counts the streams that were met.
func (h heads) met() (n int) {
	for _, s := range h {
		if s.met() {
			n++
		}
	}
	return n
}
