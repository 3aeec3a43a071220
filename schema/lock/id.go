package lock

// ID is what the ids of an entity are over: "string" or a sized integer such as
// "int64", by its name in Go. The name of the Go type is the code's to change.
//
// An id lies on disk as text, in the name of its stream: a string as it is, an
// integer in decimal.
type ID string

// reach says how many bits integers have below zero and above; a string has room for
// all, and what is no type of ids has none.
func (id ID) reach() (below, above int) {
	switch id {
	case "string":
		return 65, 65
	case "int8", "int16", "int32", "int64":
		bits := map[ID]int{"int8": 7, "int16": 15, "int32": 31, "int64": 63}[id]
		return bits, bits
	default:
		return 0, map[ID]int{"uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64}[id]
	}
}

// valid reports whether ids can be over it.
func (id ID) valid() bool {
	_, above := id.reach()
	return above > 0
}

// Covers reports whether there is, for each id over another type, one over this type
// that has the same text: whether each stream that had a name still has one.
func (id ID) Covers(other ID) bool {
	below, above := id.reach()
	otherBelow, otherAbove := other.reach()
	return below >= otherBelow && above >= otherAbove
}
