package main

import (
	"fmt"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/batpak-go/batpak/gen"
	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/lock"
)

// reporter turns positions that were written down back into places.
type reporter struct {
	pass  *analysis.Pass
	files map[string]*token.File
}

func positions(pass *analysis.Pass) *reporter {
	r := &reporter{pass: pass, files: make(map[string]*token.File, len(pass.Files))}
	for _, f := range pass.Files {
		tf := pass.Fset.File(f.FileStart)
		r.files[tf.Name()] = tf
	}
	return r
}

// report reports a diagnostic, related places included.
func (r *reporter) report(d diag.Diagnostic) {
	message := d.Message
	if d.Severity == diag.Warning {
		message = "warning: " + message
	}
	pos, ok := r.place(d.Pos)
	if !ok { // a line directive says it is in another file
		pos, message = r.pass.Files[0].Package, d.Pos.String()+": "+message
	}
	end, ok := r.place(d.End)
	if !ok || end < pos {
		end = token.NoPos
	}
	out := analysis.Diagnostic{Pos: pos, End: end, Category: d.Code, Message: fmt.Sprintf("%s [%s]", message, d.Code)}
	for _, related := range d.Related {
		if pos, ok := r.place(related.Pos); ok {
			out.Related = append(out.Related, analysis.RelatedInformation{Pos: pos, Message: related.Message})
		}
	}
	for _, fix := range d.Fixes {
		suggested := analysis.SuggestedFix{Message: fix.Message}
		for _, e := range fix.Edits {
			if f := r.files[e.Pos.Filename]; f != nil && e.End.Offset <= f.Size() {
				suggested.TextEdits = append(suggested.TextEdits, analysis.TextEdit{
					Pos: f.Pos(e.Pos.Offset), End: f.Pos(e.End.Offset), NewText: []byte(e.New),
				})
			}
		}
		if len(suggested.TextEdits) == len(fix.Edits) {
			out.SuggestedFixes = append(out.SuggestedFixes, suggested)
		}
	}
	r.pass.Report(out)
}

// place is where a position is in the files of the package, or in those that lie beside
// them, of which the go command does not tell: the lock file and what is generated.
func (r *reporter) place(p token.Position) (token.Pos, bool) {
	f := r.files[p.Filename]
	if f == nil && beside(p.Filename) {
		text, err := os.ReadFile(p.Filename)
		if err != nil || len(text) == 0 {
			text = []byte("\n") // that it is missing may be what is to be reported
		}
		f = r.pass.Fset.AddFile(p.Filename, -1, len(text))
		f.SetLinesForContent(text)
		r.files[p.Filename] = f
	}
	if f == nil || p.Line < 1 || p.Line > f.LineCount() {
		return token.NoPos, false
	}
	start := f.Offset(f.LineStart(p.Line))
	return f.Pos(slices.Min([]int{start + max(p.Column, 1) - 1, f.Size()})), true
}

// beside reports whether a file is one that is generated, the lock file, or one of
// frozen payloads.
func beside(name string) bool {
	return strings.HasSuffix(name, gen.Suffix) || strings.HasSuffix(name, gen.TestSuffix) ||
		filepath.Base(name) == lock.Name || filepath.Ext(name) == ".hex"
}
