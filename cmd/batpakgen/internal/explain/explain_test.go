package explain_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/cmd/batpakgen/internal/command"
	"github.com/batpak-go/batpak/cmd/batpakgen/internal/explain"
	"github.com/batpak-go/batpak/cmd/batpakgen/internal/session"
	"github.com/batpak-go/batpak/cmd/internal/moduletest"
	"github.com/batpak-go/batpak/cmd/internal/promise"
	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/read"
)

// ours are the codes that are no fault of a schema, so that none can show them.
var ours = []string{"BP900"}

// compared are the codes of runs that only compare.
var compared = []string{"BP703"}

// undrafted are the codes of runs that allow no drafts.
var undrafted = []string{"BP612"}

// Each code has an entry, which is in the table of package diag, and no entry is
// left over.
func TestEveryCodeIsExplained(t *testing.T) {
	for _, code := range diag.Codes() {
		e, err := explain.Lookup(code)
		if err != nil {
			t.Errorf("Lookup(%s): %v; it wants a file codes/%[1]s.txtar with text and the files below wrong/ and right/", code, err)
			continue
		}
		if text := strings.TrimSpace(e.Text); text == "" || !strings.HasSuffix(text, ".") {
			t.Errorf("Lookup(%s).Text = %q, want sentences", code, e.Text)
		}
		if both := len(e.Wrong) > 0 && len(e.Right) > 0; both == slices.Contains(ours, code) {
			t.Errorf("Lookup(%s) has %d wrong and %d right files", code, len(e.Wrong), len(e.Right))
		}
		for line := range strings.Lines(e.Text) {
			if len(line) > 81 {
				t.Errorf("Lookup(%s).Text has a line of %d bytes: %s", code, len(line), line)
			}
		}
	}
	files, err := os.ReadDir("codes")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if code := strings.TrimSuffix(f.Name(), ".txtar"); !slices.Contains(diag.Codes(), code) {
			t.Errorf("codes/%s: there is no such code", f.Name())
		}
	}
}

// The wrong example of each code gets that code and no other, at a position; the
// right one gets none, and builds.
func TestExamplesShowTheirCode(t *testing.T) {
	m := module{moduletest.New(t)}
	t.Setenv("GOFLAGS", "-mod=mod -trimpath") // what compiled once is in the cache, wherever the module is
	var entries []explain.Entry
	for _, code := range diag.Codes() {
		e, err := explain.Lookup(code)
		if err != nil || len(e.Wrong) == 0 {
			continue // reported above
		}
		entries = append(entries, e)
		m.write(code, "wrong", e.Wrong)
		m.write(code, "right", e.Right)
	}
	results := m.load(t)
	for _, e := range entries {
		t.Run(e.Code, func(t *testing.T) {
			m.wrong(t, e.Code, results)
			m.right(t, e.Code, results)
		})
	}
	if t.Failed() {
		return
	}
	if out, err := m.Go("vet", "./right/..."); err != nil {
		t.Errorf("go vet of the right examples: %v\n%s", err, out)
	}
}

// wrong requires that the wrong example of a code gets it.
func (m module) wrong(t *testing.T, code string, results []*read.Result) {
	t.Helper()
	s := m.judge(t, code, "wrong", results, slices.Contains(compared, code))
	if len(s.All()) == 0 {
		t.Errorf("wrong example of %s got no diagnostic", code)
	}
	for _, d := range s.All() {
		if d.Code != code {
			t.Errorf("wrong example of %s got %v: %s [%s]", code, d.Pos, d.Message, d.Code)
		}
		if d.Pos.Filename == "" || d.Pos.Line == 0 || d.Pos.Column == 0 {
			t.Errorf("%s: got position %v, want file, line and column", code, d.Pos)
		}
	}
}

// right requires that the right example of a code gets nothing, and generates it.
func (m module) right(t *testing.T, code string, results []*read.Result) {
	t.Helper()
	s := m.judge(t, code, "right", results, false)
	for _, d := range s.All() {
		t.Errorf("right example of %s got %v: %s [%s]", code, d.Pos, d.Message, d.Code)
	}
	if err := s.Apply(t.Context()); err != nil {
		t.Errorf("right example of %s: %v", code, err)
	}
	for _, d := range m.judge(t, code, "right", results, true).All() {
		t.Errorf("generated example of %s got %v: %s [%s]", code, d.Pos, d.Message, d.Code)
	}
}

func TestRunExplains(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want int
		out  []string // in order
	}{
		{nil, command.OK, []string{"BP001  ", "\nBP113  two events have one kind\n", "\nBP900  "}},
		{[]string{"bp113"}, command.OK, []string{"BP113: two events have one kind\n\n", "\nWrong:\n\n\tpackage bank\n\n\timport", "\nRight:\n\n\tpackage bank\n"}},
		{[]string{"BP900", "BP113"}, command.OK, []string{"BP900: ", "\n\nBP113: "}},
		{[]string{"BP000"}, command.Failure, nil},
		{[]string{"-x"}, command.Failure, nil},
	} {
		var out bytes.Buffer
		to := command.Streams{Out: &out, Err: io.Discard}
		if got := command.Exit(explain.Run(t.Context(), tt.args, to), to); got != tt.want {
			t.Errorf("explain %v exits with %d, want %d", tt.args, got, tt.want)
		}
		rest := out.String()
		for _, want := range tt.out {
			_, after, ok := strings.Cut(rest, want)
			if !ok {
				t.Errorf("explain %v lacks %q in:\n%s", tt.args, want, &out)
			}
			rest = after
		}
	}
}

// module holds the examples, the one of BP113 that is right in right/BP113.
type module struct{ *moduletest.Module }

// place is where an example, "BP113/wrong", is in the module.
func place(code, side string) string { return side + "/" + code }

// write writes an example, which imports its own packages from example.com/app.
func (m module) write(code, side string, files []explain.File) {
	for _, f := range files {
		m.Write(place(code, side)+"/"+f.Name, strings.ReplaceAll(f.Text, `"example.com/app/`, `"example.com/app/`+place(code, side)+"/"))
	}
}

// load reads all examples at once.
func (m module) load(t *testing.T) []*read.Result {
	t.Helper()
	results, err := session.New(session.Options{Dir: m.Dir, Patterns: []string{"./..."}, Trace: io.Discard}).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// judge is a session over the packages of one example.
func (m module) judge(t *testing.T, code, side string, results []*read.Result, compare bool) *session.Session {
	t.Helper()
	s := session.New(session.Options{
		Dir: m.Dir, Compare: compare, Trace: io.Discard,
		Promises: promise.Act{NoDrafts: slices.Contains(undrafted, code)},
	})
	dir := filepath.Join(m.Dir, side, code)
	var own []*read.Result
	for _, r := range results {
		if r.Package.Dir == dir || strings.HasPrefix(r.Package.Dir, dir+string(filepath.Separator)) {
			own = append(own, r)
		}
	}
	if err := s.Judge(own); err != nil {
		t.Fatalf("%s example of %s: %v", side, code, err)
	}
	return s
}
