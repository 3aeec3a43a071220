package batpak_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// casesFile is the name of the file, beside the histories, that has the cases which once
// failed and are no histories, one a line: the test, and the numbers that say which case of
// it. Lines that begin with # are comments.
const casesFile = "cases"

// keepCase keeps the case of a test that has these numbers.
func keepCase(t *testing.T, numbers ...uint64) {
	t.Helper()
	if *crashSave == "" {
		return
	}
	line := strings.Trim(fmt.Sprintln(t.Name(), numbers), "\n")
	line = strings.NewReplacer("[", "", "]", "").Replace(line)
	path := filepath.Join(*crashSave, casesFile)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err == nil {
		_, err = fmt.Fprintln(f, line)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Error(err)
		return
	}
	t.Logf("%s keeps %q", path, line)
}

// TestKeptCases runs the cases that once failed: schedules, and mixtures of files.
func TestKeptCases(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(corpusDir(), casesFile))
	if errors.Is(err, fs.ErrNotExist) && corpusDir() != corpus {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for in := bufio.NewScanner(strings.NewReader(string(text))); in.Scan(); {
		words := strings.Fields(in.Text())
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		t.Run(strings.Join(words, "_"), func(t *testing.T) {
			t.Parallel()
			var numbers [4]uint64
			for i, word := range words[1:] {
				n, err := strconv.ParseUint(word, 10, 64)
				if err != nil || i == len(numbers) {
					t.Fatalf("case %q: %v", words, err)
				}
				numbers[i] = n
			}
			if err := replayCase(t, words[0], numbers); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// mixers make the generations that tests mix.
var mixers = map[string]func(t *testing.T, seed uint64) []*specimen{
	"TestRestoreOfSomeFiles": generations, "TestRestoreAcrossMerges": mergedGenerations,
}

// replayCase runs a case of a test.
func replayCase(t *testing.T, test string, n [4]uint64) error {
	t.Helper()
	prepare := func(*trial) {}
	switch vary := variants[test]; {
	case mixers[test] != nil:
		all, m := mixers[test](t, n[0]), mixture{int(n[1]), int(n[2]), n[3]}
		if max(m.older, m.newer) >= len(all) {
			return fmt.Errorf("there are %d generations", len(all))
		}
		if test == "TestRestoreAcrossMerges" {
			_, err := judgeMerged(t, all, m)
			return err
		}
		_, _, err := judgeMixture(all, m.of(all))
		return err
	case vary != nil:
		base, err := try(t, n[0], quietly)
		if err != nil {
			return errors.New(base.report(err))
		}
		prepare = func(tr *trial) {
			quietly(tr)
			vary(base, int(n[1]), tr)
		}
	case test != "TestScheduleOfEverything":
		return fmt.Errorf("no case of %s is kept", test)
	}
	tr, err := try(t, n[0], prepare)
	if err != nil {
		return errors.New(tr.report(err))
	}
	return nil
}
