package scaffold

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
)

// What is brought into the module.
const (
	batpak = "github.com/batpak-go/batpak"
	tool   = batpak + "/cmd/batpakgen"
	// excluded is named in the go.mod of a dependency of the tests. Its own
	// dependencies are many, old, and never used.
	excluded = "github.com/smartystreets/goconvey@v1.8.1"
)

// moduleFile is the go.mod of a directory's module.
func moduleFile(ctx context.Context, dir string) (string, error) {
	mod, err := goCommand{dir, io.Discard}.output(ctx, "env", "GOMOD")
	if err == nil && filepath.Base(mod) != "go.mod" {
		err = errors.New("the directory is not in a module; begin with go mod init")
	}
	return mod, err
}

// prepare makes the module of a directory need batpak and have its command as a
// tool, and downloads what both need. A version that is there stays. It leaves
// go.mod and go.sum as they were if it fails.
func prepare(ctx context.Context, dir, mod string, told io.Writer) (err error) {
	g := goCommand{dir, told}
	restore, err := keep(mod, strings.TrimSuffix(mod, ".mod")+".sum")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, restore())
		}
	}()
	version := g.version(ctx)
	for _, args := range [][]string{
		{"mod", "edit", "-exclude=" + excluded},
		{"get", "-tool", tool + version},
		{"get", batpak + "/runtime" + version, batpak + "/schema" + version, batpak + "/props" + version},
	} {
		if err := g.run(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// keep remembers files, and returns what makes them as they were.
func keep(names ...string) (restore func() error, err error) {
	texts := make(map[string][]byte, len(names))
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		texts[name] = text
	}
	return func() error {
		var errs []error
		for name, text := range texts {
			if now, err := os.ReadFile(name); err != nil || bytes.Equal(now, text) {
				continue // not there now either, or not changed
			}
			if text == nil {
				errs = append(errs, os.Remove(name))
			} else {
				errs = append(errs, os.WriteFile(name, text, 0o666))
			}
		}
		return errors.Join(errs...)
	}, nil
}

// goCommand is the go command in a directory. It alone changes go.mod.
type goCommand struct {
	dir  string
	told io.Writer // is told what is run
}

// version is the version to get, with its @: what the module has, otherwise that of
// this program, otherwise none in particular.
func (g goCommand) version(ctx context.Context) string {
	if v, err := g.output(ctx, "list", "-m", "-f", "{{.Version}}", batpak); err == nil && v != "" {
		return "@" + v
	}
	info, ok := debug.ReadBuildInfo()
	if ok && info.Main.Path == batpak && strings.HasPrefix(info.Main.Version, "v") {
		return "@" + info.Main.Version
	}
	return ""
}

// run runs the command and tells of it.
func (g goCommand) run(ctx context.Context, args ...string) error {
	fmt.Fprintln(g.told, "batpakgen: go", strings.Join(args, " "))
	_, err := g.output(ctx, args...)
	return err
}

// output runs the command and returns what it prints, without the last newline.
func (g goCommand) output(ctx context.Context, args ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Stderr = g.dir, &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}
