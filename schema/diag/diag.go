package diag

import (
	"cmp"
	"go/token"
	"slices"
)

// Severity says whether a diagnostic stops the run.
type Severity int

// The severities.
const (
	Error   Severity = iota // nothing is generated for the package
	Warning                 // told, and generation goes on
)

// Diagnostic is one finding about a schema.
type Diagnostic struct {
	Pos      token.Position
	End      token.Position // zero if only the start is known
	Code     string         // "BP113"; empty for the Go compiler's own messages
	Severity Severity
	Message  string // one sentence, lower case, without final period
	Related  []Related
	Fixes    []Fix // ways to put it right, each by itself
}

// Fix is a change of source that puts something right.
type Fix struct {
	Message string // what it does: "make it int64"
	Edits   []Edit // apart from each other
}

// Edit replaces the source between two places of one file.
type Edit struct {
	Pos, End token.Position
	New      string
}

// Related is another place that a diagnostic speaks of.
type Related struct {
	Pos     token.Position
	Message string
}

// Sort orders diagnostics by file, position, code and message.
func Sort(ds []Diagnostic) {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(comparePos(a.Pos, b.Pos), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
}

func comparePos(a, b token.Position) int {
	return cmp.Or(cmp.Compare(a.Filename, b.Filename), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}

// HasErrors reports whether any of the diagnostics is more than a warning.
func HasErrors(ds []Diagnostic) bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity == Error })
}
