package report

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
)

// Report is what there is to say after a run. Times are in seconds, sizes in
// bytes.
type Report struct {
	Repository string `json:"repository"` // directory
	Scope      string `json:"scope"`
	Store      string `json:"store"` // directory

	Commits  int     `json:"commits"`  // of the repository
	Tags     int     `json:"tags"`     // of the repository
	Recorded int     `json:"recorded"` // commits appended by this run
	Appended uint64  `json:"appended"` // events appended by this run
	Events   uint64  `json:"events"`   // in the log, of all repositories
	Verified bool    `json:"verified"`
	Seconds  float64 `json:"seconds"` // the whole run

	Recovery     *Recovery    `json:"recovery,omitempty"` // nil if the log had been closed
	Rates        Rates        `json:"rates"`
	Verification Verification `json:"verification"`
	Counts       Counts       `json:"counts"`
	Authors      []Author     `json:"authors"`     // with the most commits, most first
	Directories  []Directory  `json:"directories"` // with the most changed lines, most first
	File         *File        `json:"file,omitempty"`
	Lineage      *Lineage     `json:"lineage,omitempty"`
}

// Recovery is what opening a log took that had not been closed.
type Recovery struct {
	Rewritten int64  `json:"rewritten"` // bytes
	Cut       int64  `json:"cut"`       // bytes of an append that was interrupted
	Lost      string `json:"lost,omitempty"`
}

// Rates says how fast the log was, and how large it is.
type Rates struct {
	RecordSeconds    float64 `json:"record_seconds"`
	GitSeconds       float64 `json:"git_seconds"`        // of that, waiting for git
	CommitsPerSecond float64 `json:"commits_per_second"` // recorded; 0 if nothing was new
	EventsPerSecond  float64 `json:"events_per_second"`  // appended; 0 if nothing was new
	Bytes            int64   `json:"bytes"`              // of the log's directory
	BytesPerEvent    float64 `json:"bytes_per_event"`
	ReopenSeconds    float64 `json:"reopen_seconds"`
}

// Verification is what verifying the log found.
type Verification struct {
	Events      uint64   `json:"events"`
	Streams     int      `json:"streams"`
	Segments    int      `json:"segments"`
	Bytes       int64    `json:"bytes"`
	Seconds     float64  `json:"seconds"`
	MBPerSecond float64  `json:"mb_per_second"` // of 1,000,000 bytes
	Damages     []string `json:"damages,omitempty"`
}

// Counts are the numbers of what the log has of the repository.
type Counts struct {
	Roots       uint64 `json:"roots"`
	Commits     uint64 `json:"commits"`
	Merges      uint64 `json:"merges"`
	Authors     uint64 `json:"authors"`
	Files       uint64 `json:"files"` // paths, whether they still exist or not
	FileChanges uint64 `json:"file_changes"`
	Sweeps      uint64 `json:"sweeps"`    // commits with too many files for an event each
	TagMoves    uint64 `json:"tag_moves"` // tags recorded, and recorded again since they moved
}

// Author is one author's share.
type Author struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Commits uint64    `json:"commits"`
	Merges  uint64    `json:"merges"`
	Added   uint64    `json:"added"`
	Deleted uint64    `json:"deleted"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
}

// Directory is how much changed in a top-level directory.
type Directory struct {
	Name    string `json:"name"`
	Changes uint64 `json:"changes"` // of files
	Added   uint64 `json:"added"`
	Deleted uint64 `json:"deleted"`
}

// File is the history of the file that most commits touched.
type File struct {
	Path    string   `json:"path"`
	Changes uint64   `json:"changes"`
	Added   uint64   `json:"added"`
	Deleted uint64   `json:"deleted"`
	Latest  []Change `json:"latest"` // newest first
}

// Change is a change of a file.
type Change struct {
	Commit  string    `json:"commit"`
	At      time.Time `json:"at"`
	Subject string    `json:"subject"`
	Added   uint64    `json:"added"`
	Deleted uint64    `json:"deleted"`
}

// Lineage is the way from the newest commit to its root, cause by cause, and
// what that root led to.
type Lineage struct {
	Head    string `json:"head"`    // commit
	Root    string `json:"root"`    // commit
	Length  uint64 `json:"length"`  // commits, both ends included
	Effects uint64 `json:"effects"` // events that the root's event led to
	Clipped bool   `json:"clipped"` // there are more effects than were counted
}

// WriteJSON prints the report as one JSON object.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// SetRecovery says how the log was found.
func (r *Report) SetRecovery(o batpak.OpenReport) {
	if !o.Clean && !o.Created {
		r.Recovery = &Recovery{Rewritten: o.Rewritten, Cut: o.Cut, Lost: o.Lost}
	}
}

// SetRates fills in the rates that follow from the time that recording took,
// waiting for git included, and from what is in the report.
func (r *Report) SetRates(took, git time.Duration) {
	s := took.Seconds()
	r.Rates.GitSeconds = git.Seconds()
	r.Rates.RecordSeconds = s
	r.Rates.CommitsPerSecond = per(float64(r.Recorded), s)
	r.Rates.EventsPerSecond = per(float64(r.Appended), s)
	r.Rates.BytesPerEvent = per(float64(r.Rates.Bytes), float64(r.Events))
}
