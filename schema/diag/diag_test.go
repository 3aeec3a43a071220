package diag_test

import (
	"bytes"
	"encoding/json"
	"go/token"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/schema/diag"
)

func at(file string, line, col int) token.Position {
	return token.Position{Filename: file, Line: line, Column: col}
}

// sample is a list of diagnostics in order.
func sample() []diag.Diagnostic {
	return []diag.Diagnostic{
		{
			Pos: at("/mod/bank/a.go", 2, 5), End: at("/mod/bank/a.go", 2, 9), Code: "BP113", Message: `kind "x" <taken>`,
			Related: []diag.Related{{Pos: at("/mod/bank/b.go", 1, 1), Message: "first declared here"}},
		},
		{Pos: at("/mod/bank/a.go", 2, 11), Code: "BP101", Message: "b"},
		{Pos: at("/mod/bank/a.go", 2, 11), Code: "BP102", Message: "a"},
		{Pos: at("/mod/bank/a.go", 2, 11), Code: "BP102", Message: "b"},
		{Pos: at("/mod/bank/a.go", 10, 1), Code: "BP402", Severity: diag.Warning, Message: "unused"},
		{Pos: at("/other/c.go", 1, 1), Message: "expected 'package'"},
	}
}

func TestSort(t *testing.T) {
	want := sample()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		got := sample()
		rng.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
		diag.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("Sort differs (-want +got):\n%s", d)
		}
	}
}

func TestPrint(t *testing.T) {
	var got bytes.Buffer
	if err := diag.Print(&got, "/mod", sample()); err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		`bank/a.go:2:5: kind "x" <taken> [BP113]`,
		"\tbank/b.go:1:1: first declared here",
		"bank/a.go:2:11: b [BP101]",
		"bank/a.go:2:11: a [BP102]",
		"bank/a.go:2:11: b [BP102]",
		"bank/a.go:10:1: warning: unused [BP402]",
		"/other/c.go:1:1: expected 'package'",
		"",
	}, "\n")
	if d := cmp.Diff(want, got.String()); d != "" {
		t.Errorf("Print differs (-want +got):\n%s", d)
	}
}

func TestJSON(t *testing.T) {
	var buf bytes.Buffer
	all := sample()
	err := diag.JSON(&buf, "/mod", map[string][]diag.Diagnostic{
		"example.com/bank": {all[0], all[4]}, "example.com/clean": nil, "example.com/other": {all[5]},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(buf.String(), "<taken>") {
		t.Errorf("JSON escapes < and >: %s", buf.String())
	}
	var got any
	if err := json.Unmarshal(buf.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	type list = []any
	type object = map[string]any
	want := object{
		"example.com/bank": object{"batpakgen": list{
			object{
				"category": "BP113", "posn": "bank/a.go:2:5", "end": "bank/a.go:2:9", "message": `kind "x" <taken>`,
				"related": list{object{"posn": "bank/b.go:1:1", "message": "first declared here"}},
			},
			object{"category": "BP402", "posn": "bank/a.go:10:1", "message": "unused", "severity": "warning"},
		}},
		"example.com/other": object{"batpakgen": list{object{"posn": "/other/c.go:1:1", "message": "expected 'package'"}}},
	}
	if d := cmp.Diff(any(want), got); d != "" {
		t.Errorf("JSON differs (-want +got):\n%s", d)
	}
}

func TestHasErrors(t *testing.T) {
	all := sample()
	if diag.HasErrors(all[4:5]) || diag.HasErrors(nil) {
		t.Error("HasErrors(warnings) = true, want false")
	}
	if !diag.HasErrors(all) {
		t.Error("HasErrors(errors) = false, want true")
	}
}

func TestCodes(t *testing.T) {
	codes := diag.Codes()
	if !slices.IsSorted(codes) || len(slices.Compact(slices.Clone(codes))) != len(codes) {
		t.Errorf("Codes() = %v, want ascending codes, each once", codes)
	}
	for _, code := range codes {
		text, ok := diag.Describe(code)
		if !ok || text == "" || strings.HasSuffix(text, ".") || !regexp.MustCompile(`^BP\d{3}$`).MatchString(code) {
			t.Errorf("Describe(%s) = %q, %v, want a line without full stop", code, text, ok)
		}
	}
	if text, ok := diag.Describe("BP000"); ok {
		t.Errorf("Describe(BP000) = %q, want none", text)
	}
}

func TestSinkDropsRepetitions(t *testing.T) {
	fset := token.NewFileSet()
	f := fset.AddFile("a.go", -1, 100)
	s := diag.NewSink(fset)
	span := diag.Span{From: f.Pos(5), To: f.Pos(9)}
	s.Add(diag.Span{From: f.Pos(20), To: f.Pos(20)}, "BP002", "later")
	s.Add(span, "BP001", "got %d", 1)
	s.Add(span, "BP001", "got %d", 1)
	s.Add(span, "BP001", "got %d", 2)
	var got []string
	for _, d := range s.Diagnostics() {
		got = append(got, d.Pos.String()+" "+d.Message)
	}
	if d := cmp.Diff([]string{"a.go:1:6 got 1", "a.go:1:6 got 2", "a.go:1:21 later"}, got); d != "" {
		t.Errorf("Diagnostics differ (-want +got):\n%s", d)
	}
}

// A fix is added once, to what was reported at its place, and only if there is a place
// to edit. JSON has it in the form of the analysis tools, with offsets in bytes.
func TestSuggestedFixes(t *testing.T) {
	fset := token.NewFileSet()
	f := fset.AddFile("/src/bank/a.go", -1, 100)
	f.AddLine(10)
	s := diag.NewSink(fset)
	at, typ := diag.Span{From: f.Pos(12), To: f.Pos(13)}, diag.Span{From: f.Pos(14), To: f.Pos(17)}
	s.Add(at, "BP104", "int")
	s.Add(at, "BP102", "other")
	for range 2 {
		s.Suggest(at, "BP104", "make it int64", "int64", typ)
	}
	s.Suggest(typ, "BP104", "of another place", "int64", typ)
	s.Suggest(at, "BP102", "nowhere", "int64")
	var out bytes.Buffer
	if err := diag.JSON(&out, "/src", map[string][]diag.Diagnostic{"bank": s.Diagnostics()}); err != nil {
		t.Fatal(err)
	}
	var got map[string]map[string][]struct {
		Category       string
		SuggestedFixes json.RawMessage `json:"suggested_fixes"`
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for _, d := range got["bank"]["batpakgen"] {
		want := ""
		if d.Category == "BP104" {
			want = `[{"message":"make it int64","edits":[{"filename":"bank/a.go","start":14,"end":17,"new":"int64"}]}]`
		}
		var compact bytes.Buffer
		if len(d.SuggestedFixes) > 0 {
			if err := json.Compact(&compact, d.SuggestedFixes); err != nil {
				t.Fatal(err)
			}
		}
		if compact.String() != want {
			t.Errorf("suggested_fixes of %s = %s, want %s", d.Category, &compact, want)
		}
	}
}
