package inputs_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/batpak-go/batpak/cmd/batpakgen/internal/inputs"
)

// newTree makes a workspace: a module that replaces another by a directory, and a
// third one beside it.
func newTree(t *testing.T) string {
	t.Helper()
	t.Setenv("GOFLAGS", "")
	t.Setenv("GOWORK", "")
	t.Setenv("GOPROXY", "off")
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"go.work":                   "go 1.26.0\n\nuse ./app\n\nuse ./beside\n",
		"app/go.mod":                "module example.com/app\n\ngo 1.26.0\n\nreplace example.com/dep => ../dep\n",
		"app/app.go":                "package app\n",
		"app/sub/sub.go":            "package sub\n",
		"app/.hidden/hidden.go":     "package hidden\n",
		"app/notes.txt":             "",
		"app/testdata/batpak/x.hex": "00",
		"beside/go.mod":             "module example.com/beside\n\ngo 1.26.0\n",
		"beside/batpak.lock.json":   "{}",
		"dep/go.mod":                "module example.com/dep\n\ngo 1.26.0\n",
		"dep/deep/er/er.go":         "package er\n",
		"elsewhere/other/other.go":  "package other\n",
	} {
		write(t, filepath.Join(root, name), text)
	}
	return root
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// digest is the digest of a run in the module app.
func digest(t *testing.T, root string, arguments ...string) inputs.Digest {
	t.Helper()
	d, err := digestOf(find(t, root), arguments...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func find(t *testing.T, root string) *inputs.Set {
	t.Helper()
	set, err := inputs.Find(t.Context(), filepath.Join(root, "app"))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// Whatever a run may depend on changes the digest, and nothing else does.
func TestDigestSeesWhatMatters(t *testing.T) {
	root := newTree(t)
	last := digest(t, root, "./...")
	for _, step := range []struct {
		name    string
		change  func()
		matters bool
	}{
		{"nothing", func() {}, false},
		{"time", func() {
			if err := os.Chtimes(filepath.Join(root, "app/app.go"), time.Time{}, time.Unix(1, 0)); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"a Go file", func() { write(t, root+"/app/app.go", "package app // x\n") }, true},
		{"a new Go file", func() { write(t, root+"/app/new/new.go", "package new\n") }, true},
		{"a removed Go file", func() { remove(t, root+"/app/new/new.go") }, true},
		{"a moved Go file", func() {
			remove(t, root+"/app/sub/sub.go")
			write(t, root+"/app/sub2/sub.go", "package sub\n")
		}, true},
		{"a text", func() { write(t, root+"/app/notes.txt", "x") }, false},
		{"a hidden directory", func() { write(t, root+"/app/.hidden/hidden.go", "package x\n") }, false},
		{"another tree", func() { write(t, root+"/elsewhere/other/other.go", "package x\n") }, false},
		{"a frozen payload", func() { write(t, root+"/app/testdata/batpak/x.hex", "01") }, true},
		{"a lock in the workspace", func() { write(t, root+"/beside/batpak.lock.json", "{ }") }, true},
		{"a replaced module", func() { write(t, root+"/dep/deep/er/er.go", "package er // x\n") }, true},
		{"go.mod", func() {
			write(t, root+"/app/go.mod", "module example.com/app\n\ngo 1.26.0\n\nreplace example.com/dep => ../dep\n\n// x\n")
		}, true},
		{"go.sum", func() { write(t, root+"/app/go.sum", "\n") }, true},
		{"go.work", func() { write(t, root+"/go.work", "go 1.26.0\n\nuse ./app\n\nuse ./beside\n\n// x\n") }, true},
		{"vendor", func() { write(t, root+"/app/vendor/modules.txt", "# x\n") }, true},
		{"GOFLAGS", func() { t.Setenv("GOFLAGS", "-tags=x") }, true},
		{"GOARCH", func() { t.Setenv("GOARCH", "386") }, true},
		{"GOWORK", func() { t.Setenv("GOWORK", "off") }, true},
		{"GOLINE", func() { t.Setenv("GOLINE", "12") }, false},
		{"another variable", func() { t.Setenv("LANG", "x") }, false},
	} {
		step.change()
		now := digest(t, root, "./...")
		if (now != last) != step.matters {
			t.Errorf("%s: the digest changed = %v, want %v", step.name, now != last, step.matters)
		}
		last = now
	}
	if digest(t, root, "./sub") == last {
		t.Error("the digest is the same for another argument")
	}
	if digest(t, root, "a", "b") == digest(t, root, "ab") || digest(t, root, "a", "") == digest(t, root, "a") {
		t.Error("the digest does not tell arguments apart")
	}
}

// The settings are those that the go command has in the directory.
func TestSettingsAreThoseOfTheGoCommand(t *testing.T) {
	root := newTree(t)
	for _, want := range []map[string]string{{"GOARCH": "386", "GOFLAGS": "-tags=w"}, {"GOARCH": "arm64", "GOFLAGS": "-tags=x"}} {
		for name, value := range want {
			t.Setenv(name, value)
		}
		got := find(t, root).Settings()
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%s = %q, want %q", name, got[name], value)
			}
		}
	}
}

// Without a package, its own files make no difference, and all others do.
func TestStateWithoutPackages(t *testing.T) {
	root := newTree(t)
	dir := filepath.Join(root, "app")
	without := func() inputs.Digest {
		t.Helper()
		state, err := find(t, root).Read()
		if err != nil {
			t.Fatal(err)
		}
		d, err := state.Without(dir, filepath.Join(root, "elsewhere")).Digest("x")
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	last := without()
	for _, step := range []struct {
		file    string
		matters bool
	}{
		{"app/app.go", false},
		{"app/new.go", false},
		{"app/batpak.lock.json", false},
		{"app/testdata/batpak/x.hex", false},
		{"app/go.sum", true},
		{"app/sub/sub.go", true},
		{"app/sub/testdata/batpak/y.hex", true},
		{"app/vendor/modules.txt", true},
		{"beside/beside.go", true},
		{"dep/deep/er/er.go", true},
	} {
		write(t, filepath.Join(root, step.file), "package changed\n")
		now := without()
		if (now != last) != step.matters {
			t.Errorf("%s: the digest changed = %v, want %v", step.file, now != last, step.matters)
		}
		last = now
	}
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}

// What cannot be seen makes the digest unsure; the next thing makes it sure again.
func TestDigestIsUnsure(t *testing.T) {
	root := newTree(t)
	unsure := func(name string, arguments ...string) {
		t.Helper()
		set, err := inputs.Find(t.Context(), filepath.Join(root, "app"))
		if err == nil {
			_, err = digestOf(set, arguments...)
		}
		if _, ok := errors.AsType[*inputs.UnsureError](err); !ok {
			t.Errorf("%s: Digest = %v, want an UnsureError", name, err)
		}
	}
	unsure("hidden package", "./.hidden")
	write(t, root+"/app/c.go", "package app\n\n/*\n#include <math.h>\n*/\nimport \"C\"\n")
	unsure("cgo")
	write(t, root+"/app/c.go", "package app\n\nconst c = \"C\"\n")
	digest(t, root)
	write(t, root+"/app/c.go", "package app\n\nimport \"C\" +\n")
	unsure("perhaps cgo")
	remove(t, root+"/app/c.go")
	t.Setenv("GOFLAGS", "-overlay=x.json")
	unsure("overlay")
	t.Setenv("GOFLAGS", "")
	if err := os.Symlink(filepath.Join(root, "elsewhere"), filepath.Join(root, "app", "link")); err != nil {
		t.Skip(err)
	}
	unsure("link to a directory")
	if _, err := find(t, root).Stamp(); err != nil {
		t.Errorf("Stamp = %v, want nil: looking again is always right", err)
	}
	remove(t, root+"/app/link")
	digest(t, root)
	t.Setenv("GOWORK", "off")
	remove(t, root+"/app/go.mod")
	unsure("no module")
}

// A stamp changes with the files, and stays if they do.
func TestStampSeesChanges(t *testing.T) {
	root := newTree(t)
	set := find(t, root)
	stamp := func() inputs.Digest {
		t.Helper()
		d, err := set.Stamp()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	last := stamp()
	if stamp() != last {
		t.Error("the stamp changes by itself")
	}
	for _, change := range []func(){
		func() { write(t, root+"/app/app.go", "package app // longer\n") },
		func() { write(t, root+"/app/new.go", "package app\n") },
		func() { remove(t, root+"/app/new.go") },
		func() { write(t, root+"/dep/deep/er/er.go", "package er // longer\n") },
	} {
		change()
		now := stamp()
		if now == last {
			t.Error("the stamp is the same after a change")
		}
		last = now
	}
}

// digestOf is the digest of the state that a set is in.
func digestOf(set *inputs.Set, arguments ...string) (inputs.Digest, error) {
	state, err := set.Read()
	if err != nil {
		return inputs.Digest{}, err
	}
	return state.Digest(arguments...)
}
