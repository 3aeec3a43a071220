package history

import (
	"slices"
	"strings"

	batpak "github.com/batpak-go/batpak/runtime"
)

// Recording is what the gates of record-commit see. Who records a commit says
// of its parents which are in the log, and which a shallow clone leaves out.
type Recording struct {
	ID       Hash
	Proposed CommitRecorded
	Known    []Hash `bat:"caller"`
	Beyond   []Hash `bat:"caller"`
}

// Codes of the denials of record-commit.
const (
	CodeMalformed = "MALFORMED" // by gate well-formed
	CodeAnonymous = "ANONYMOUS" // by gate has-author
	CodeOrphan    = "ORPHAN"    // by gate parents-recorded
)

func denyMalformed(r Recording) *batpak.Denial {
	if !r.ID.valid() {
		return batpak.Denyf(CodeMalformed, "%q is not the name of a commit", r.ID)
	}
	for _, p := range r.Proposed.Parents {
		switch {
		case !p.valid() || len(p) != len(r.ID):
			return batpak.Denyf(CodeMalformed, "parent %q of commit %s is not the name of a commit", p, r.ID)
		case p == r.ID:
			return batpak.Denyf(CodeMalformed, "commit %s is its own parent", r.ID)
		}
	}
	return nil
}

func denyAnonymous(r Recording) *batpak.Denial {
	if r.Proposed.Author == "" {
		return batpak.Denyf(CodeAnonymous, "commit %s has no author", r.ID)
	}
	return nil
}

func denyOrphan(r Recording) *batpak.Denial {
	for _, p := range r.Proposed.Parents {
		if !slices.Contains(r.Known, p) && !slices.Contains(r.Beyond, p) {
			return batpak.Denyf(CodeOrphan, "parent %s of commit %s is not recorded", p, r.ID)
		}
	}
	return nil
}

// valid reports whether h is an object name of SHA-1 or SHA-256.
func (h Hash) valid() bool {
	return (len(h) == 40 || len(h) == 64) && strings.Trim(string(h), "0123456789abcdef") == ""
}
