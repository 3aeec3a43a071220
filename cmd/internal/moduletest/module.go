package moduletest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// path is the import path of this module.
const path = "github.com/batpak-go/batpak"

// Module is a module example.com/app in a temporary directory.
type Module struct {
	Dir string // absolute, without symbolic links

	t testing.TB
}

// New makes a module with nothing in it that needs this one. The go command of
// the test's process works offline and in this module alone from then on, and caches
// of batpakgen are empty.
func New(t testing.TB) *Module {
	t.Helper()
	root := Root(t)
	text := string(read(t, filepath.Join(root, "go.mod")))
	text = strings.Replace(text, "module "+path, "module example.com/app", 1)
	text = strings.Replace(text, "tool "+path+"/cmd/batpakgen", "", 1)
	m := newModule(t, text+"\nrequire "+path+" v0.0.0\n\nreplace "+path+" => "+root+"\n")
	m.Write("go.sum", string(read(t, filepath.Join(root, "go.sum"))))
	return m
}

// Bare makes a module that needs nothing, but finds this one where it is.
func Bare(t testing.TB) *Module {
	t.Helper()
	return newModule(t, "module example.com/app\n\ngo 1.26.0\n\nreplace "+path+" => "+Root(t)+"\n")
}

// newModule makes a module with the given go.mod. The processes that are started in it
// end soon, and collect less garbage until then.
func newModule(t testing.TB, mod string) *Module {
	t.Helper()
	gocache, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE").Output() // which is below XDG_CACHE_HOME
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"GOPROXY": "off", "GOSUMDB": "off", "GOWORK": "off", "GOFLAGS": "-mod=mod -trimpath", "GOGC": "400",
		"GOCACHE": strings.TrimSpace(string(gocache)), "XDG_CACHE_HOME": t.TempDir(),
	} {
		t.Setenv(name, value)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m := &Module{Dir: dir, t: t}
	m.Write("go.mod", mod)
	return m
}

// Root is the directory of this module.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(mod, []byte("module "+path+"\n")) {
			return dir
		}
	}
	t.Fatal("the test does not run in this module")
	return ""
}

// Write writes a file of the module; its name is slash-separated.
func (m *Module) Write(name, text string) {
	m.t.Helper()
	file := filepath.Join(m.Dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// Read returns the text of a file of the module.
func (m *Module) Read(name string) string {
	m.t.Helper()
	return string(read(m.t, filepath.Join(m.Dir, filepath.FromSlash(name))))
}

// Go runs the go command in the module and returns all that it prints.
func (m *Module) Go(args ...string) (string, error) {
	cmd := exec.CommandContext(m.t.Context(), "go", args...)
	cmd.Dir = m.Dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
