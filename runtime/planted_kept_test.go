//go:build planted

package batpak_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/planted"
)

// keptBugs are planted bugs of which the lanes that keep what fails find one each, and how
// what they keep is played. Some break the protocol alone: when they are played again, no
// crash shows it.
var keptBugs = []struct {
	bug, test, again string
	protocol         bool
}{
	{"acknowledged before the sync", "TestCrashAtAnyOperation", "TestCrashCorpus", false},
	{"failed write is not cut off", "TestCrashAtAnyOperation", "TestCrashCorpus", true},
	{"merged segment is not synced", "TestCrashInMerges", "TestCrashCorpus", false},
	{"kept tail is not synced", "TestCrashInMerges", "TestCrashCorpus", true},
	{"sync that failed is tried again", "TestKthFault/of/sync_EIO_ghosts", "TestCrashCorpus", false},
	{"cut after a failed write is not synced", "TestKthFault/of/write_EIO_ghosts_kept", "TestCrashCorpus", true},
	{"unproven tail is synced but not written again", "TestKthFaultInRecovery", "TestCrashCorpus", false},
	{"failed write is not cut off", "TestKthFaultInRecovery", "TestCrashCorpus", true},
	{"batch is shown one event after the other", "TestScheduleOfEverything", "TestKeptCases", false},
	{"close group is written before the sync", "TestScheduleOfEverything", "TestKeptCases", true},
	{"checkpoint of another history is believed", "TestRestoreOfSomeFiles", "TestKeptCases", false},
	{"name of a merged segment is not renewed", "TestRestoreAcrossMerges", "TestKeptCases", true},
}

// TestPlantedFailuresAreKept: what a lane keeps of a failure is less than it had, fails when
// it is played again, and does not without the bug.
func TestPlantedFailuresAreKept(t *testing.T) {
	binary := plantedBinary(t, "")
	for _, k := range keptBugs {
		t.Run(k.test+"/"+strings.ReplaceAll(k.bug, " ", "_"), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			run := func(test, bug string, check bool) ([]byte, error) {
				c := exec.CommandContext(t.Context(), binary, "-test.run", "^"+strings.ReplaceAll(test, "/", "$/^")+"$", "-test.failfast",
					"-check="+strconv.FormatBool(check), "-crash.save", dir)
				c.Env = append(os.Environ(), planted.Env+"="+bug)
				return c.CombinedOutput()
			}
			out, err := run(k.test, k.bug, k.protocol)
			if _, failed := errors.AsType[*exec.ExitError](err); !failed {
				t.Fatalf("%s does not find %q: %v\n%s", k.test, k.bug, err, out)
			}
			kept, err := filepath.Glob(filepath.Join(dir, "*"))
			if err != nil || len(kept) != 1 {
				t.Fatalf("%q is kept, %v, want one file\n%s", kept, err, out)
			}
			text, err := os.ReadFile(kept[0])
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s:\n%s", kept[0], text)
			if filepath.Base(kept[0]) != casesFile {
				checkSmaller(t, string(text))
			}
			if out, err := run(k.again, k.bug, k.protocol); err == nil || k.protocol && !strings.Contains(string(out), "; before that:\n") {
				t.Errorf("%s does not find %q again\n%s", k.again, k.bug, out)
			}
			if out, err := run(k.again, "", true); err != nil {
				t.Errorf("%s fails without a bug: %v\n%s", k.again, err, out)
			}
			if out, err := run(k.again, k.bug, false); k.protocol && err != nil {
				t.Errorf("%s finds %q without the protocol: %v\n%s", k.again, k.bug, err, out)
			}
		})
	}
}

// checkSmaller wants a history to have fewer operations than the one that it was drawn as.
func checkSmaller(t *testing.T, text string) {
	t.Helper()
	h, err := parseHistory(text)
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[lane]*history{
		laneCrash: drawSome(h.seed, *crashOps), laneMerges: drawMerges(h.seed),
		laneFault: drawFaulted(h.seed, batpak.Synced), laneRecovery: drawFaulted(h.seed, batpak.Synced),
	}[h.lane]
	if len(h.ops) >= len(drawn.ops) {
		t.Errorf("%d operations are kept of %d:\n%s", len(h.ops), len(drawn.ops), text)
	}
}
