package gen_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	batpak "github.com/batpak-go/batpak/runtime"
)

var sample = flag.Bool("sample", false, "make the golden files the sample of this version of generated code, which is right until a release has it")

// served is where the samples are: a directory for each version of generated code
// that the runtime serves, with golden files as they were when it was released.
const served = "testdata/served"

// What a released batpakgen wrote compiles beside this runtime, and works. A golden
// file may be rewritten when the emitters change; a sample may not. Those that are still
// the same are left to the test of the golden files.
func TestServedOutputWorks(t *testing.T) {
	if *sample {
		takeSample(t)
	}
	for version := batpak.GenOldest; version <= batpak.GenNewest; version++ {
		t.Run(fmt.Sprintf("version %d", version), func(t *testing.T) {
			cases, now := samples(t, version), goldenCases(t)
			maps.DeleteFunc(cases, func(name string, old goldenCase) bool {
				c, ok := now[name]
				return ok && bytes.Equal(txtar.Format(old.archive), txtar.Format(c.archive))
			})
			if len(cases) == 0 {
				t.Skip("the golden files are still this sample, and TestGoldenCodecsRun tests them")
			}
			dir := newModule(t, cases)
			for name, c := range cases {
				for _, f := range c.archive.Files {
					if rest, ok := strings.CutPrefix(f.Name, wanted); ok {
						write(t, filepath.Join(dir, name, rest), f.Data)
					}
				}
			}
			if out, err := goCommand(t, dir, "test", "-vet=off", skipped, "./..."); err != nil {
				t.Errorf("go test of what version %d is = %v, want nil:\n%s", version, err, out)
			}
		})
	}
}

// samples are the samples of a version.
func samples(t *testing.T, version int) map[string]goldenCase {
	t.Helper()
	paths, err := filepath.Glob(fmt.Sprintf("%s/%d/*.txtar", served, version))
	if err != nil || len(paths) == 0 {
		t.Fatalf("samples of version %d: %v, %v, want some; the flag -sample takes them", version, paths, err)
	}
	cases := map[string]goldenCase{}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		cases[strings.TrimSuffix(filepath.Base(path), ".txtar")] = goldenCase{path, archive}
	}
	return cases
}

// takeSample copies the golden files.
func takeSample(t *testing.T) {
	t.Helper()
	dir := filepath.Join(served, fmt.Sprint(batpak.GenNewest))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for name, c := range goldenCases(t) {
		write(t, filepath.Join(dir, name+".txtar"), txtar.Format(c.archive))
	}
}

func goCommand(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir, cmd.Env = dir, environment()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Output does not compile beside a runtime that is too old for it, nor beside one
// that has dropped its version, and the line that does not says what to do.
func TestOutputOfOtherVersionsDoesNotCompile(t *testing.T) {
	handshake, err := filepath.Abs("../runtime/handshake.go")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(handshake)
	if err != nil {
		t.Fatal(err)
	}
	events, err := os.ReadFile("../examples/bank/events.batpak.go")
	if err != nil {
		t.Fatal(err)
	}
	emitted := strings.Split(string(events), "\n")
	oldest, newest := regexp.MustCompile(`(GenOldest\s*=) \d+`), regexp.MustCompile(`(GenNewest\s*=) \d+`)
	version := batpak.GenNewest
	for _, tt := range []struct {
		name           string
		oldest, newest int
		line           string // that does not compile; none if all do
	}{
		{"as it is", batpak.GenOldest, batpak.GenNewest, ""},
		{"serves later versions too", batpak.GenOldest, version + 3, ""},
		{"too old", 0, version - 1, fmt.Sprintf("batpak.GenNewest - %d", version)},
		{"dropped it", version + 1, version + 2, fmt.Sprintf("%d - batpak.GenOldest", version)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			scratch := t.TempDir()
			text := oldest.ReplaceAllString(string(source), fmt.Sprintf("${1} %d", tt.oldest))
			text = newest.ReplaceAllString(text, fmt.Sprintf("${1} %d", tt.newest))
			write(t, filepath.Join(scratch, "handshake.go"), []byte(text))
			overlay, err := json.Marshal(map[string]map[string]string{"Replace": {handshake: filepath.Join(scratch, "handshake.go")}})
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(scratch, "overlay.json"), overlay)
			out, err := goCommand(t, "..", "build", "-overlay="+filepath.Join(scratch, "overlay.json"), "./examples/bank")
			if tt.line == "" {
				if err != nil {
					t.Errorf("go build = %v, want nil:\n%s", err, out)
				}
				return
			}
			var lines []string
			for _, at := range regexp.MustCompile(`events\.batpak\.go:(\d+):`).FindAllStringSubmatch(out, -1) {
				n, _ := strconv.Atoi(at[1])
				lines = append(lines, emitted[n-1])
			}
			if err == nil || len(lines) != 1 || !strings.Contains(lines[0], tt.line) {
				t.Errorf("go build = %v at lines %q, want an error at one with %q:\n%s", err, lines, tt.line, out)
			}
		})
	}
}
