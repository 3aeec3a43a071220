package diag

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/token"
	"io"
	"path/filepath"
	"strings"
)

// Print writes the diagnostics in the order given, one line each, related
// places on lines of their own after a tab. Files below dir, an absolute path,
// are written relative to it.
func Print(w io.Writer, dir string, ds []Diagnostic) error {
	var b bytes.Buffer
	for _, d := range ds {
		fmt.Fprintf(&b, "%s: ", position(dir, d.Pos))
		if d.Severity == Warning {
			b.WriteString("warning: ")
		}
		b.WriteString(d.Message)
		if d.Code != "" {
			fmt.Fprintf(&b, " [%s]", d.Code)
		}
		b.WriteByte('\n')
		for _, r := range d.Related {
			fmt.Fprintf(&b, "\t%s: %s\n", position(dir, r.Pos), r.Message)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// JSON writes the diagnostics of packages, by import path, as one object in the
// form of the analysis tools: path to analyzer name to list. Packages without
// diagnostics are left out; positions are written as by [Print].
func JSON(w io.Writer, dir string, byPackage map[string][]Diagnostic) error {
	out := make(map[string]map[string][]jsonDiagnostic)
	for path, ds := range byPackage {
		if len(ds) == 0 {
			continue
		}
		list := make([]jsonDiagnostic, len(ds))
		for i, d := range ds {
			list[i] = toJSON(dir, d)
		}
		out[path] = map[string][]jsonDiagnostic{"batpakgen": list}
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "\t")
	return enc.Encode(out)
}

type jsonDiagnostic struct {
	Category string        `json:"category,omitempty"`
	Posn     string        `json:"posn"`
	End      string        `json:"end,omitempty"`
	Message  string        `json:"message"`
	Severity string        `json:"severity,omitempty"` // "warning", or left out for errors
	Related  []jsonRelated `json:"related,omitempty"`
	Fixes    []jsonFix     `json:"suggested_fixes,omitempty"`
}

type jsonFix struct {
	Message string     `json:"message"`
	Edits   []jsonEdit `json:"edits"`
}

// jsonEdit has offsets in bytes.
type jsonEdit struct {
	Filename string `json:"filename"`
	Start    int    `json:"start"`
	End      int    `json:"end"`
	New      string `json:"new"`
}

type jsonRelated struct {
	Posn    string `json:"posn"`
	Message string `json:"message"`
}

func toJSON(dir string, d Diagnostic) jsonDiagnostic {
	j := jsonDiagnostic{Category: d.Code, Posn: position(dir, d.Pos), Message: d.Message}
	if d.End.IsValid() {
		j.End = position(dir, d.End)
	}
	if d.Severity == Warning {
		j.Severity = "warning"
	}
	for _, r := range d.Related {
		j.Related = append(j.Related, jsonRelated{Posn: position(dir, r.Pos), Message: r.Message})
	}
	for _, fix := range d.Fixes {
		edits := make([]jsonEdit, len(fix.Edits))
		for i, e := range fix.Edits {
			edits[i] = jsonEdit{Filename: below(dir, e.Pos.Filename), Start: e.Pos.Offset, End: e.End.Offset, New: e.New}
		}
		j.Fixes = append(j.Fixes, jsonFix{fix.Message, edits})
	}
	return j
}

// position formats p as path:line:col, see [below].
func position(dir string, p token.Position) string {
	p.Filename = below(dir, p.Filename)
	return p.String()
}

// below is a path relative to dir where it lies below it.
func below(dir, path string) string {
	rel, err := filepath.Rel(dir, path)
	if err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return rel
	}
	return path
}
