package scaffold_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/cmd/batpakgen/internal/command"
	"github.com/batpak-go/batpak/cmd/batpakgen/internal/generate"
	"github.com/batpak-go/batpak/cmd/batpakgen/internal/scaffold"
	"github.com/batpak-go/batpak/cmd/internal/moduletest"
	"github.com/batpak-go/batpak/schema/lock"
)

// run runs init in a module and returns the exit code and all that was printed.
func run(t *testing.T, m *moduletest.Module, args ...string) (code int, printed string) {
	t.Helper()
	var out bytes.Buffer
	to := command.Streams{Out: &out, Err: &out}
	code = command.Exit(scaffold.Run(t.Context(), append([]string{"-C", m.Dir}, args...), to), to)
	return code, out.String()
}

// tree returns the names and texts of all files of a module.
func tree(t *testing.T, m *moduletest.Module) map[string]string {
	t.Helper()
	files := map[string]string{}
	if err := filepath.WalkDir(m.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(m.Dir, path)
		files[filepath.ToSlash(rel)] = m.Read(rel)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return files
}

// In an empty module, init writes a package that vets, passes its tests and is
// generated up to date, and go.mod gets what the package needs and no more.
func TestInitInEmptyModule(t *testing.T) {
	m := moduletest.Bare(t)
	if code, printed := run(t, m, "to-do"); code != command.OK {
		t.Fatalf("init exits with %d, want 0:\n%s", code, printed)
	}
	t.Setenv("GOFLAGS", "-mod=readonly -trimpath")
	for _, args := range [][]string{{"vet", "./..."}, {"test", "./..."}} {
		if out, err := m.Go(args...); err != nil {
			t.Errorf("go %v: %v\n%s", args, err, out)
		}
	}
	var out bytes.Buffer
	to := command.Streams{Out: &out, Err: &out}
	if code := command.Exit(generate.Run(t.Context(), []string{"-C", m.Dir, "-check", "./..."}, to), to); code != command.OK {
		t.Errorf("batpakgen -check exits with %d, want 0:\n%s", code, &out)
	}
	for _, line := range []string{
		`tool github\.com/batpak-go/batpak/cmd/batpakgen`,
		`exclude github\.com/smartystreets/goconvey v1\.8\.1`,
		`(require |\t)github\.com/batpak-go/batpak v\S+`,
	} {
		if !regexp.MustCompile(`(?m)^` + line + `$`).MatchString(m.Read("go.mod")) {
			t.Errorf("go.mod has no line %s:\n%s", line, m.Read("go.mod"))
		}
	}
	if lines := strings.Count(m.Read("go.sum"), "\n"); lines > 30 {
		t.Errorf("go.sum has %d lines, want 30 at most", lines)
	}
	if got := m.Read("to-do/schema.go"); !strings.HasPrefix(got, "package todo\n") || strings.Contains(got, "PACKAGE") {
		t.Errorf("schema.go is not of package todo:\n%s", got)
	}

	before := tree(t, m)
	code, printed := run(t, m, "to-do")
	if code != command.Failure || !strings.Contains(printed, "schema.go exists already; nothing was written") {
		t.Errorf("init again exits with %d and prints %q, want 2 and that the file exists", code, printed)
	}
	for name, text := range tree(t, m) {
		if before[name] != text {
			t.Errorf("init again changed %s", name)
		}
	}
}

// A package that is there keeps its name.
func TestInitInPackage(t *testing.T) {
	m := moduletest.Bare(t)
	m.Write("app.go", "package service\n\nconst Name = \"service\"\n")
	code, printed := run(t, m, "-pkg", "other")
	if code != command.Failure || !strings.Contains(printed, "is service, not other") {
		t.Errorf("init -pkg other exits with %d and prints %q, want 2 and the name of the package", code, printed)
	}
	if code, printed := run(t, m); code != command.OK {
		t.Fatalf("init exits with %d, want 0:\n%s", code, printed)
	}
	if out, err := m.Go("vet", "."); err != nil {
		t.Errorf("go vet: %v\n%s", err, out)
	}
	if got := m.Read("domain.go"); !strings.HasPrefix(got, "package service\n") {
		t.Errorf("domain.go is not of package service:\n%s", got)
	}
}

// Whatever fails before the files are written leaves everything as it was.
func TestInitThatFailsChangesNothing(t *testing.T) {
	m := moduletest.Bare(t)
	m.Write("go.mod", "module example.com/app\n\ngo 1.26.0\n") // and no network
	m.Write("123/keep.txt", "")
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"deep/er"}, "go get -tool github.com/batpak-go/batpak/cmd/batpakgen"},
		{[]string{"123"}, `"" is no name for a package; give one with -pkg`},
		{[]string{"-pkg", "func"}, `"func" is no name for a package`},
		{[]string{"a", "b"}, "one directory at a time"},
		{[]string{"-pkg", "x", "-C", t.TempDir()}, "the directory is not in a module; begin with go mod init"},
	} {
		before := tree(t, m)
		code, printed := run(t, m, tt.args...)
		if code != command.Failure || !strings.Contains(printed, tt.want) {
			t.Errorf("init %v exits with %d and prints %q, want 2 and %q", tt.args, code, printed, tt.want)
		}
		after := tree(t, m)
		if len(after) != len(before) || after["go.mod"] != before["go.mod"] {
			t.Errorf("init %v changed the module: %v, go.mod:\n%s", tt.args, after, after["go.mod"])
		}
		if _, err := os.Stat(filepath.Join(m.Dir, "deep")); err == nil {
			t.Errorf("init %v made a directory", tt.args)
		}
	}
}

// The kinds and the prefix that init gives are free, as long as there are any.
func TestInitTakesWhatIsFree(t *testing.T) {
	const categories = 16 // of which two are the store's
	full := &lock.File{}
	for i := range lock.Kind(categories) {
		first, ok, prefix := scaffold.Free("My_App", full)
		switch {
		case i < categories-2 && (!ok || first&0xFFF != 1):
			t.Errorf("with %d categories taken: first kind %v, %v, want the first of a category", i, first, ok)
		case i >= categories-2 && (!ok || first != 0x1002):
			t.Errorf("with all categories taken: first kind %v, %v, want 1:002", first, ok)
		}
		if c := first >> 12; c == 0 || c == 0xD {
			t.Errorf("first kind %v is the store's", first)
		}
		for _, e := range full.Events {
			if e.Kind == first || e.Kind == first+1 {
				t.Errorf("first kind %v is taken", first)
			}
		}
		for _, en := range full.Entities {
			if en.Prefix == prefix {
				t.Errorf("prefix %s is taken", prefix)
			}
		}
		if i < categories-2 {
			full.Events = append(full.Events, lock.Event{Kind: first})
		}
		full.Entities = append(full.Entities, lock.Entity{Prefix: prefix})
	}
	for k := range 0x10000 {
		full.Retired = append(full.Retired, lock.Retired{Kind: lock.Kind(k)})
	}
	if first, ok, _ := scaffold.Free("x", full); ok {
		t.Errorf("with all kinds taken: first kind %v, want none", first)
	}
}
