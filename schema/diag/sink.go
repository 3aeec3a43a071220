package diag

import (
	"fmt"
	"go/token"
	"slices"
	"strings"
)

// Range is a piece of source, such as an ast.Node.
type Range interface {
	Pos() token.Pos
	End() token.Pos
}

// Span is the [Range] between two positions.
type Span struct{ From, To token.Pos }

// Pos returns the position of the first byte.
func (s Span) Pos() token.Pos { return s.From }

// End returns the position after the last byte.
func (s Span) End() token.Pos { return s.To }

// Sink collects the diagnostics of the source in one file set. It is not safe
// for concurrent use.
type Sink struct {
	fset *token.FileSet
	list []Diagnostic
}

// NewSink returns an empty sink for source in fset.
func NewSink(fset *token.FileSet) *Sink { return &Sink{fset: fset} }

// Add reports an error at a piece of source. A message that is there already is
// not added again.
func (s *Sink) Add(at Range, code, format string, args ...any) {
	s.AddRelated(at, nil, code, format, args...)
}

// AddRelated is [Sink.Add] with other places that the message speaks of.
func (s *Sink) AddRelated(at Range, related []Related, code, format string, args ...any) {
	d := Diagnostic{
		Pos:     s.Position(at.Pos()),
		End:     s.Position(at.End()),
		Code:    code,
		Message: fmt.Sprintf(format, args...),
		Related: related,
	}
	for _, old := range s.list {
		if old.Pos == d.Pos && old.Code == d.Code && old.Message == d.Message {
			return
		}
	}
	s.list = append(s.list, d)
}

// Suggest adds a fix to what was reported at a piece of source: one that puts new text
// in place of others. It does nothing if the code was not reported there, or has been
// given the fix.
func (s *Sink) Suggest(at Range, code, message, text string, places ...Range) {
	fix := Fix{Message: message}
	for _, place := range places {
		fix.Edits = append(fix.Edits, Edit{Pos: s.Position(place.Pos()), End: s.Position(place.End()), New: text})
	}
	for i := range s.list {
		d := &s.list[i]
		known := slices.ContainsFunc(d.Fixes, func(f Fix) bool { return f.Message == message })
		if d.Pos == s.Position(at.Pos()) && d.Code == code && len(places) > 0 && !known {
			d.Fixes = append(d.Fixes, fix)
		}
	}
}

// Position is where p lies, in the form that diagnostics carry: in the file that was
// read, whatever a line directive in it says. What cgo makes of a file is not called
// one of Go, and there the directives lead back to the user's.
func (s *Sink) Position(p token.Pos) token.Position {
	at := s.fset.PositionFor(p, false)
	if at.IsValid() && !strings.HasSuffix(at.Filename, ".go") {
		return s.fset.Position(p)
	}
	return at
}

// Diagnostics returns what was added, sorted.
func (s *Sink) Diagnostics() []Diagnostic {
	Sort(s.list)
	return s.list
}
