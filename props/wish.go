package props

import batpak "github.com/batpak-go/batpak/runtime"

// Wish is one append with its options in the open, so that a [Model] can tell
// what must become of it.
type Wish struct {
	batpak.Draft
	Key         string // none if empty
	Expects     bool
	Version     uint64 // expected of the stream, if Expects
	Correlation batpak.ID
	Causation   batpak.ID
	CauseItem   int // 1 + the index of an earlier wish of the batch; 0 = none
}

// options are what the store is to be told beside the draft.
func (w *Wish) options() (all []batpak.AppendOption) {
	if w.Key != "" {
		all = append(all, batpak.Key(w.Key))
	}
	if w.Expects {
		all = append(all, batpak.Expect(w.Version))
	}
	all = append(all, batpak.Correlate(w.Correlation), batpak.CausedBy(w.Causation))
	if w.CauseItem > 0 {
		all = append(all, batpak.CausedByItem(w.CauseItem-1))
	}
	return all
}

// Request is what is appended together: wishes, if no event matches the
// conditions.
type Request struct {
	Wishes     []Wish
	Conditions []batpak.Query
}

// Batch makes the batch for a request.
func (r *Request) Batch(s *batpak.Store) *batpak.Batch {
	b := s.NewBatch()
	for i := range r.Wishes {
		b.Add(r.Wishes[i].Draft, r.Wishes[i].options()...)
	}
	for _, q := range r.Conditions {
		b.ExpectNone(q)
	}
	return b
}
