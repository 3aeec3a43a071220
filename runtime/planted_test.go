//go:build planted

package batpak_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// plantedBug is a bug that is planted in the code, and how it is found.
type plantedBug struct {
	name string
	room string // below runtime/internal, or after ../ below runtime; empty for package batpak
	test string // that fails
	// median is after how many images of crashes, or schedules, the test finds the
	// bug, the median of five seeds. 0 means that the test does not draw lots: it finds the
	// bug each time.
	median int
}

// slack is how many times its median the search for a bug may take.
const slack = 10

// TestPlantedBugsAreFound switches each planted bug on in a process of its own,
// and wants the test that is said to find it to fail. A bug that stays hidden
// means that the tests have become blind.
//
//	go test -tags planted -run Planted ./runtime
func TestPlantedBugsAreFound(t *testing.T) {
	binaries := plantedBinaries(t)
	for _, b := range plantedBugs {
		t.Run(strings.ReplaceAll(b.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			out, err := b.run(t.Context(), binaries[b.room])
			if _, failed := errors.AsType[*exec.ExitError](err); !failed {
				t.Fatalf("%s in %s does not find it: %v\n%s", b.test, roomOf(b.room), err, out)
			}
			if b.median == 0 {
				return
			}
			m := regexp.MustCompile(`after (\d+) (?:images|schedules)`).FindSubmatch(out)
			if m == nil {
				t.Fatalf("%s in %s fails for another reason:\n%s", b.test, roomOf(b.room), out)
			}
			if n, _ := strconv.Atoi(string(m[1])); n > slack*b.median {
				t.Errorf("found after %d, want at most %d", n, slack*b.median)
			}
		})
	}
}

// run runs the test that finds the bug, with the bug switched on.
func (b *plantedBug) run(ctx context.Context, binary string) ([]byte, error) {
	patience := 2 * time.Minute // a bug may make the store wait for ever
	if b.median > 0 {
		patience *= 5 // what is found by lot, and counted, takes as long as the machine is slow
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	args := []string{"-test.run", "^" + b.test + "$", "-test.failfast"}
	if b.room == "" {
		args = append(args, "-crash.save", "")
	}
	switch {
	case strings.HasPrefix(b.test, "TestSchedule"):
		args = append(args, "-schedule.seed", "1", "-schedule.n", strconv.Itoa(slack*b.median), "-check=false")
	case b.room == "" && strings.HasPrefix(b.test, "TestCrash"):
		args = append(args, "-crash.seed", "1", "-crash.n", "200", "-check=false")
	}
	c := exec.CommandContext(ctx, binary, args...)
	c.Dir = roomOf(b.room)
	c.Env = append(os.Environ(), planted.Env+"="+b.name)
	return c.CombinedOutput()
}

// roomOf is the directory of a room, as seen from this one.
func roomOf(room string) string {
	if room == "" {
		return "."
	}
	return "./" + filepath.Join("internal", room)
}

// plantedBinaries builds the tests of the rooms that find bugs.
func plantedBinaries(t *testing.T) map[string]string {
	t.Helper()
	binaries := map[string]string{}
	for _, b := range plantedBugs {
		if binaries[b.room] == "" {
			binaries[b.room] = plantedBinary(t, b.room)
		}
	}
	return binaries
}

// plantedBinary builds the tests of a room.
func plantedBinary(t *testing.T, room string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "room.test")
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-tags", "planted", "-o", binary, roomOf(room)).CombinedOutput(); err != nil {
		t.Fatalf("build the tests of %s: %v\n%s", roomOf(room), err, out)
	}
	return binary
}

// Every bug in the code has its test, and every test its bug.
func TestPlantedBugsAreListed(t *testing.T) {
	var listed []string
	for _, b := range plantedBugs {
		listed = append(listed, b.name)
	}
	slices.Sort(listed)
	if diff := cmp.Diff(namesInCode(t, `planted\.(?:Bug|Skip)\("([^"]+)"`), listed); diff != "" {
		t.Errorf("planted bugs (-in the code +in the table):\n%s", diff)
	}
	if n := len(listed); n < 40 {
		t.Errorf("%d bugs are planted, want 40 at least", n)
	}
}

// dear are the tests that come to no rare state which is not reached without them, at
// more than half of the time of all tests together: the lanes that try the same of very
// many bits, lengths or orders, and most of those that let operations fail.
const dear = `Truncat|BitFlipAtRest|TestCrashExhaustive|TestCrashInMerges|` +
	`^TestKthFault$/./^(write|create|rename|remove|read|truncate|open|list)|^TestKthFaultInRecovery$/./durability_1$`

// TestSometimesEverythingIsReached runs the tests of all rooms, but the dear ones, and
// wants each of the rare states that are marked in the code to be reached.
func TestSometimesEverythingIsReached(t *testing.T) {
	file := filepath.Join(t.TempDir(), "reached")
	var wg sync.WaitGroup
	for _, of := range [][]string{
		{"-skip", "Planted|Sometimes|" + dear, ".", "-crash.seed", "1", "-schedule.seed", "1"},
		{"-skip", "Planted|Sometimes|" + dear, "./internal/..."},
		{"-run", "Law(0|11|12)", "../props"}, // the others do not come to a store of this process
	} {
		wg.Go(func() {
			args := slices.Concat([]string{"test", "-count=1", "-short", "-tags", "planted"}, of)
			c := exec.CommandContext(t.Context(), "go", args...)
			c.Env = append(os.Environ(), sometimes.Env+"="+file)
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, out)
			}
		})
	}
	wg.Wait()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	reached := strings.Split(string(text), "\n")
	marked := namesInCode(t, `sometimes\.Reached\("([^"]+)"`)
	for _, name := range marked {
		if !slices.Contains(reached, name) {
			t.Errorf("never: %s", name)
		}
	}
	t.Logf("%d rare states", len(marked))
	if len(marked) < 60 {
		t.Errorf("%d rare states are marked, want 60 at least", len(marked))
	}
}

// namesInCode finds what a pattern captures in the code of the store, sorted, each
// once.
func namesInCode(t *testing.T, pattern string) (names []string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") || d.IsDir() || d.Name() == "doc.go" {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range re.FindAllSubmatch(source, -1) {
			names = append(names, string(m[1]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
