package read_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/schema/read"
)

// module is a temporary module that uses this one from its directory.
type module struct {
	t   testing.TB
	dir string
}

// newModule returns an empty module example.com/cases. It needs what this module
// needs and no network.
func newModule(t testing.TB) *module {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	gomod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	gosum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m := &module{t: t, dir: dir}
	const path = "github.com/batpak-go/batpak"
	text := strings.Replace(string(gomod), "module "+path, "module example.com/cases", 1)
	text += "\nrequire " + path + " v0.0.0\n\nreplace " + path + " => " + root + "\n"
	m.write("go.mod", []byte(text))
	m.write("go.sum", gosum)
	return m
}

// write writes a file of the module.
func (m *module) write(name string, data []byte) {
	m.t.Helper()
	path := filepath.Join(m.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		m.t.Fatal(err)
	}
}

// load reads the schemas of packages of the module.
func (m *module) load(patterns ...string) []*read.Result {
	m.t.Helper()
	results, err := read.Load(m.t.Context(), read.Config{
		Dir: m.dir, Patterns: patterns, Env: m.env(),
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return results
}

// env is the environment of the go command in the module. Its processes end soon, and
// collect less garbage until then.
func (m *module) env(more ...string) []string {
	return append(append(os.Environ(), "GOPROXY=off", "GOWORK=off", "GOFLAGS=-mod=mod -trimpath", "GOGC=400"), more...)
}
