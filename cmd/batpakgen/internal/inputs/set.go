package inputs

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// UnsureError says that a run depends on more than can be seen.
type UnsureError struct{ Reason string }

func (e *UnsureError) Error() string { return "not sure what the run depends on: " + e.Reason }

// Set is what runs in one directory depend on.
type Set struct {
	env      map[string]string // what the go command said of its settings
	settings []string          // names and values, in a fixed order
	files    []string          // single files, which need not be there
	roots    []string          // directories of modules, sorted
	unsure   string            // why the digest would not be enough, if that is so
}

// Digest is a digest of the contents of a [Set].
type Digest [sha256.Size]byte

// Find finds what runs in a directory depend on.
func Find(ctx context.Context, dir string) (*Set, error) {
	env, err := goEnv(ctx, dir)
	if err != nil {
		return nil, err
	}
	mod := env["GOMOD"]
	if filepath.Base(mod) != "go.mod" {
		return nil, &UnsureError{"there is no go.mod"}
	}
	s := &Set{env: env}
	s.set(env)
	if err := s.modules(mod, env["GOWORK"]); err != nil {
		return nil, err
	}
	for i, root := range s.roots {
		// A walk does not follow links, and here it has to.
		if s.roots[i], err = filepath.EvalSymlinks(root); err != nil {
			return nil, fmt.Errorf("find the modules of a run: %w", err)
		}
	}
	slices.Sort(s.roots)
	s.roots = slices.Compact(s.roots)
	return s, nil
}

// Settings are those of the go command in the directory, by name: GOARCH, GOFLAGS and
// others. They are as of when the set was found, and not to be changed.
func (s *Set) Settings() map[string]string { return s.env }

// asked are the settings that the go command is asked for.
var asked = [...]string{"GOMOD", "GOWORK", "GOROOT", "GOVERSION", "GOFLAGS", "GOENV", "GOMODCACHE", "GO111MODULE", "GOOS", "GOARCH", "CGO_ENABLED"}

// goEnv asks the go command for its settings in a directory.
func goEnv(ctx context.Context, dir string) (map[string]string, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"env", "-json"}, asked[:]...)...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	var env map[string]string
	if err := json.Unmarshal(out, &env); err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	return env, nil
}

// set records the settings: those of the go command, and what there is in the
// environment and in its files that could bear on any other.
func (s *Set) set(env map[string]string) {
	for _, name := range asked {
		s.settings = append(s.settings, name, env[name])
	}
	for _, setting := range os.Environ() {
		name, _, _ := strings.Cut(setting, "=")
		switch {
		case name == "GOFILE", name == "GOLINE", name == "GOPACKAGE": // go generate says where it is
		case strings.HasPrefix(name, "GO"), strings.HasPrefix(name, "CGO_"), name == "PATH":
			s.settings = append(s.settings, setting)
		}
	}
	s.files = append(s.files, env["GOENV"], filepath.Join(env["GOROOT"], "go.env"), filepath.Join(env["GOROOT"], "VERSION"))
	switch {
	case strings.Contains(env["GOFLAGS"], "-overlay"), strings.Contains(env["GOFLAGS"], "-modfile"):
		s.unsure = "GOFLAGS is " + env["GOFLAGS"]
	case strings.HasPrefix(env["GOVERSION"], "devel"):
		s.unsure = "the Go toolchain is " + env["GOVERSION"]
	}
}

// modules finds the modules whose source is at hand: the one of go.mod or those of
// go.work, and what these replace by directories.
func (s *Set) modules(mod, work string) error {
	s.roots = append(s.roots, filepath.Dir(mod))
	mods := []string{mod}
	if work != "" && work != "off" {
		s.files = append(s.files, work, work+".sum")
		data, err := os.ReadFile(work)
		if err != nil {
			return fmt.Errorf("find the modules of a run: %w", err)
		}
		f, err := modfile.ParseWork(work, data, nil)
		if err != nil {
			return fmt.Errorf("find the modules of a run: %w", err)
		}
		for _, use := range f.Use {
			dir := beside(work, use.Path)
			s.roots = append(s.roots, dir)
			mods = append(mods, filepath.Join(dir, "go.mod"))
		}
		s.replaced(work, f.Replace)
	}
	for _, mod := range mods {
		data, err := os.ReadFile(mod)
		if err != nil {
			return fmt.Errorf("find the modules of a run: %w", err)
		}
		f, err := modfile.Parse(mod, data, nil)
		if err != nil {
			return fmt.Errorf("find the modules of a run: %w", err)
		}
		s.replaced(mod, f.Replace)
	}
	return nil
}

// replaced adds the directories that a file gives for modules.
func (s *Set) replaced(file string, replaces []*modfile.Replace) {
	for _, r := range replaces {
		if r.New.Version == "" {
			s.roots = append(s.roots, beside(file, r.New.Path))
		}
	}
}

// beside is a path that a file mentions.
func beside(file, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(file), path)
}

// State is what a [Set] was at one time: the settings and all files.
type State struct {
	settings []string
	files    []string
	sums     []Digest
}

// Read reads the state that the set is in.
func (s *Set) Read() (*State, error) {
	if s.unsure != "" {
		return nil, &UnsureError{s.unsure}
	}
	found, err := s.walk()
	if err != nil {
		return nil, err
	}
	st := &State{settings: s.settings, files: slices.Concat(s.files, found)}
	if st.sums, err = sumAll(st.files); err != nil {
		return nil, err
	}
	return st, nil
}

// Without is the state of all but the packages in some directories: their Go files,
// and what is kept beside these.
func (s *State) Without(dirs ...string) *State {
	rest := &State{settings: s.settings}
	for i, file := range s.files {
		dir := filepath.Dir(file)
		if !slices.Contains(dirs, dir) && !slices.Contains(dirs, filepath.Dir(filepath.Dir(dir))) || !ofPackage(file) {
			rest.files, rest.sums = append(rest.files, file), append(rest.sums, s.sums[i])
		}
	}
	return rest
}

// Digest digests the state. What is said of the run besides, its arguments and the
// program, goes in as well.
func (s *State) Digest(arguments ...string) (Digest, error) {
	for _, arg := range arguments {
		if hidden(arg) {
			return Digest{}, &UnsureError{arg + " is hidden"}
		}
	}
	h := sha256.New()
	for _, list := range [][]string{arguments, s.settings, s.files} {
		writeList(h, list)
	}
	for _, sum := range s.sums {
		h.Write(sum[:])
	}
	return Digest(h.Sum(nil)), nil
}

// hidden reports whether a part of a path begins with a dot, or with more of them
// than mean the directory itself or the one above.
func hidden(path string) bool {
	return slices.ContainsFunc(strings.Split(filepath.ToSlash(path), "/"), func(part string) bool {
		return strings.HasPrefix(part, ".") && strings.Trim(part, ".") != ""
	})
}

// writeList writes strings such that other strings give other bytes.
func writeList(h hash.Hash, list []string) {
	var n [8]byte
	write := func(length int) {
		binary.LittleEndian.PutUint64(n[:], uint64(length))
		h.Write(n[:])
	}
	write(len(list))
	for _, s := range list {
		write(len(s))
		_, _ = io.WriteString(h, s) // a hash does not fail
	}
}

// Stamp tells by sizes and times whether files changed. It is much cheaper than
// [Set.Digest], and good enough to look again.
func (s *Set) Stamp() (Digest, error) {
	found, err := s.walk()
	if _, unsure := errors.AsType[*UnsureError](err); err != nil && !unsure {
		return Digest{}, err
	}
	h := sha256.New()
	for _, name := range slices.Concat(s.files, found) {
		line := name
		if info, err := os.Stat(name); err == nil {
			line = fmt.Sprintf("%s %d %d", name, info.Size(), info.ModTime().UnixNano())
		}
		writeList(h, []string{line})
	}
	return Digest(h.Sum(nil)), nil
}

// walk finds the files below the roots, in order.
func (s *Set) walk() ([]string, error) {
	var found []string
	var unsure error
	for _, root := range s.roots {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir():
				if path != root && strings.HasPrefix(d.Name(), ".") {
					return filepath.SkipDir // no pattern matches it but its own name
				}
			case d.Type()&fs.ModeSymlink != 0:
				if info, err := os.Stat(path); err == nil && info.IsDir() {
					unsure = &UnsureError{path + " leads elsewhere"}
					return nil
				}
				fallthrough
			default:
				if matters(path) {
					found = append(found, path)
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("look for the files of a run: %w", err)
		}
	}
	slices.Sort(found)
	return slices.Compact(found), unsure
}

// ofPackage reports whether a file that matters is one package's own, by its name.
func ofPackage(path string) bool {
	return !slices.Contains([]string{"go.mod", "go.sum", "modules.txt"}, filepath.Base(path))
}

// matters reports whether a run may depend on a file, by its name.
func matters(path string) bool {
	switch name := filepath.Base(path); name {
	case "go.mod", "go.sum", "modules.txt", "batpak.lock.json":
		return true
	default:
		return filepath.Ext(name) == ".go" || strings.HasSuffix(filepath.ToSlash(filepath.Dir(path)), "/testdata/batpak")
	}
}
