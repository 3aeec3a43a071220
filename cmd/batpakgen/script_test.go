package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/batpak-go/batpak/cmd/batpakgen/internal/command"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"batpakgen": main})
}

// The scripts run in a module example.com/app of their own that uses this one.
func TestScripts(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("GOFLAGS", "-mod=mod -trimpath") // what compiled once is in the cache, wherever the module is
			env.Setenv("GOWORK", "off")
			env.Setenv("GOPROXY", "off")
			env.Setenv("GOGC", "400") // for processes that end soon
			env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, ".cache"))
			for _, name := range []string{"GOCACHE", "GOMODCACHE"} {
				out, err := exec.Command("go", "env", name).Output()
				if err != nil {
					return err
				}
				env.Setenv(name, strings.TrimSpace(string(out)))
			}
			return writeModule(env.WorkDir, root)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":     exits,
			"old":       old,
			"untouched": untouched,
		},
	})
}

// writeModule writes go.mod and go.sum of a module that uses the one at root
// and has its command as a tool.
func writeModule(dir, root string) error {
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return err
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return err
	}
	const path = "github.com/batpak-go/batpak"
	mod = regexp.MustCompile(`(?m)^(module|tool) .*$`).ReplaceAll(mod, nil)
	mod = append(mod, "\nmodule example.com/app\n\ntool "+path+"/cmd/batpakgen\n\nrequire "+path+" v0.0.0\n\nreplace "+path+" => "+root+"\n"...)
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "go.mod"), mod, 0o644),
		os.WriteFile(filepath.Join(dir, "go.sum"), sum, 0o644),
	)
}

// exits CODE PROGRAM ARG... runs a program that has to exit with the code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code = %d, want %d", got, want)
	}
}

// longAgo is the time that old gives to files.
func longAgo() time.Time { return time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC) }

// old FILE... makes files old.
func old(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("old cannot be negated")
	}
	for _, name := range args {
		ts.Check(os.Chtimes(ts.MkAbs(name), longAgo(), longAgo()))
	}
}

// untouched FILE... requires that files are as old as old made them.
func untouched(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if info.ModTime().Equal(longAgo()) == neg {
			ts.Fatalf("%s was written at %v", name, info.ModTime())
		}
	}
}

// What is committed under examples is what their schemas say.
func TestExamplesAreCurrent(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-C", "../..", "-diff", "./examples/..."}, &stdout, &stderr); code != command.OK {
		t.Errorf("batpakgen -diff ./examples/... = %d, want %d:\n%s%s", code, command.OK, &stderr, &stdout)
	}
}

// An interrupted run fails and writes nothing.
func TestInterruptedRunWritesNothing(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/app\n\ngo 1.26.0\n",
		"app.go": "package app\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	if code := run(ctx, []string{"-C", dir}, &stdout, &stderr); code != command.Failure {
		t.Errorf("run(canceled) = %d, want %d:\n%s", code, command.Failure, &stderr)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 2 {
		t.Errorf("files after run(canceled) = %v, %v, want the two of the module", left, err)
	}
}
