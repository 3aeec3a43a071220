package history

import (
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
)

// Authorship is what one author contributed.
type Authorship struct {
	Name    string // as in the latest commit
	Commits uint64
	Merges  uint64 // among the commits
	Files   uint64 // changed, counted once for each commit
	Added   uint64 // lines
	Deleted uint64
	First   time.Time // of the commits' author times
	Last    time.Time
}

func (a *Authorship) authored(e batpak.Stored[CommitAuthored]) {
	p := &e.Payload
	a.Commits++
	if p.Merge {
		a.Merges++
	}
	a.Files += p.Files
	a.Added += p.Added
	a.Deleted += p.Deleted
	if a.Commits == 1 || p.At.Before(a.First) {
		a.First = p.At
	}
	if a.Commits == 1 || !p.At.Before(a.Last) {
		a.Last, a.Name = p.At, p.Name
	}
}
