//go:build unix

package batpak_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
)

var raceRounds = flag.Int("race.n", 60, "rounds in which processes race to open one store")

// race is the child that opens a store at a given moment.
//
//	open <moment in nanoseconds> <directory>   won <events> | locked <nanoseconds> | failed <error>
//	append <text>                              appended <sequence>
//	close                                      closed
func race([]string) error {
	var s *batpak.Store
	return lines(func(line string) error {
		verb, rest, _ := strings.Cut(line, " ")
		switch verb {
		case "open":
			moment, dir, _ := strings.Cut(rest, " ")
			var nanos int64
			if _, err := fmt.Sscan(moment, &nanos); err != nil {
				return err
			}
			var err error
			var took time.Duration
			s, took, err = openAt(nanos, dir)
			say("%s", outcomeOf(s, took, err))
		case "append":
			r, err := s.Append(context.Background(), note("a:1", rest))
			if err != nil {
				return err
			}
			say("appended %d", r.Sequence())
		case "close":
			if err := s.Close(); err != nil {
				return err
			}
			say("closed")
		}
		return nil
	})
}

// openAt opens a store at the moment, not before, and says how long that took.
func openAt(nanos int64, dir string) (*batpak.Store, time.Duration, error) {
	for time.Now().UnixNano() < nanos {
	}
	start := time.Now()
	s, err := batpak.Open(dir, overseen(nil))
	return s, time.Since(start), err
}

func outcomeOf(s *batpak.Store, took time.Duration, err error) string {
	switch {
	case err == nil:
		return fmt.Sprint("won ", s.Report().Events)
	case errors.Is(err, batpak.ErrLocked):
		return fmt.Sprint("locked ", took.Nanoseconds())
	}
	return "failed " + err.Error()
}

// TestTwoProcessRaceToOpen lets processes, and this one, race to open one store, in
// a directory that is there or not yet. One of them wins. The others are told, while
// it has the store, so they do not wait. What it appends is there for the next,
// whether it closes the store or is killed, which gives the lock back. How long the
// slowest of the others took to be told is logged, which is not to be more than 100 ms.
//
//	go test ./runtime -run TestTwoProcessRace -race.n=1000
func TestTwoProcessRaceToOpen(t *testing.T) {
	const racers = 4
	var children [racers]*child
	for i := range children {
		children[i] = startChild(t, "racer")
	}
	r := rand.New(rand.NewPCG(*damageSeed, 7))
	dir, events, kills, wins, slowest := "", 0, 0, [racers + 1]int{}, time.Duration(0)
	for round := range fewer(*raceRounds) {
		if dir == "" || r.IntN(3) == 0 {
			dir, events = filepath.Join(t.TempDir(), "new", "store"), 0
		}
		moment := time.Now().Add(time.Millisecond).UnixNano()
		for _, c := range children {
			c.tell("open %d %s", moment, dir)
		}
		mine, took, err := openAt(moment, dir)
		answers := []string{outcomeOf(mine, took, err)}
		for _, c := range children {
			answers = append(answers, c.must())
		}
		winner := slices.Index(answers, fmt.Sprint("won ", events))
		locked := 0
		for _, a := range answers {
			var nanos int64
			if n, err := fmt.Sscanf(a, "locked %d", &nanos); n == 1 && err == nil {
				locked++
				slowest = max(slowest, time.Duration(nanos))
			}
		}
		if winner < 0 || locked != racers {
			t.Fatalf("round %d: %q, want one winner with %d events and all others told that it is locked", round, answers, events)
		}
		wins[winner]++
		events++
		if winner == 0 {
			mustAppend(t, mine, note("a:1", "mine"))
			if err := mine.Close(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		c := children[winner-1]
		if got, want := c.ask("append round %d", round), fmt.Sprint("appended ", events); got != want {
			t.Fatalf("round %d: %s, want %s", round, got, want)
		}
		if r.IntN(8) > 0 {
			c.ask("close")
			continue
		}
		c.kill()
		kills++
		children[winner-1] = startChild(t, "racer")
	}
	t.Logf("this process and the %d others won %d times, %d winners were killed, the slowest refusal took %v", racers, wins, kills, slowest)
}

// TestTwoProcessLockIsNotInherited: the lock of a process that is killed is free,
// though a child of it lives on; and so is that of one that becomes another program.
func TestTwoProcessLockIsNotInherited(t *testing.T) {
	for _, role := range []string{"parent", "image"} {
		dir := t.TempDir()
		c := startChild(t, role, dir)
		if line := c.must(); line != "asleep" {
			t.Fatalf("%s says %q", role, line)
		}
		if role == "parent" {
			_, err := batpak.Open(dir, overseen(nil))
			l, ok := errors.AsType[*batpak.LockedError](err)
			if !ok || !errors.Is(err, batpak.ErrLocked) || l.Holder != c.cmd.Process.Pid && (l.Holder != 0 || runtime.GOOS == "linux") {
				t.Errorf("Open() beside process %d = %v, want a LockedError of it", c.cmd.Process.Pid, err)
			}
			// Not waited for until the end, since the grandchild has its output.
			if err := c.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			if _, err := c.cmd.Process.Wait(); err != nil {
				t.Fatal(err)
			}
		}
		s := open(t, dir, nil)
		if n := len(events(t, s, batpak.Query{})); n != 1 {
			t.Errorf("there are %d events, want the one of the %s", n, role)
		}
		_ = c.in.Close() // wakes the sleeper
	}
}

// bear opens a store, appends to it, has a child that sleeps, and waits.
func bear(args []string) error {
	s, err := openAndAppend(args[0])
	if err != nil {
		return err
	}
	cmd := childCommand("sleeper")
	cmd.Stdin, cmd.Stdout = os.Stdin, os.Stdout
	if err := cmd.Start(); err != nil {
		return err
	}
	defer s.Close()
	return cmd.Wait()
}

// becomeSleeper opens a store, appends to it, and becomes a program that sleeps.
func becomeSleeper(args []string) error {
	if _, err := openAndAppend(args[0]); err != nil {
		return err
	}
	return syscall.Exec(os.Args[0], os.Args[:1], childCommand("sleeper").Environ())
}

func openAndAppend(dir string) (*batpak.Store, error) {
	s, err := batpak.Open(dir, overseen(nil))
	if err != nil {
		return nil, err
	}
	_, err = s.Append(context.Background(), note("a:1", "x"))
	return s, err
}

// TestTwoProcessDirectoryChangesHands: the lock is on the directory, not on a name
// or a file in it. It goes where the directory goes, and stays when its files go.
func TestTwoProcessDirectoryChangesHands(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	c := startChild(t, "racer")
	if got := c.ask("open 0 %s", dir); got != "won 0" {
		t.Fatal(got)
	}
	c.ask("append first")
	moved := dir + "-moved"
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	if _, err := batpak.Open(moved, overseen(nil)); !errors.Is(err, batpak.ErrLocked) {
		t.Errorf("Open() of the directory at its new place = %v, want ErrLocked", err)
	}
	other := open(t, dir, nil)
	if r := other.Report(); !r.Created {
		t.Errorf("what is at the old place opens with %+v, want another store", r)
	}
	if got := c.ask("append second"); got != "appended 2" {
		t.Errorf("the holder says %q after its directory has moved, want it to go on", got)
	}
	files, err := os.ReadDir(moved)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.Rename(filepath.Join(moved, f.Name()), filepath.Join(t.TempDir(), f.Name())); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := batpak.Open(moved, overseen(nil)); !errors.Is(err, batpak.ErrLocked) {
		t.Errorf("Open() of the directory without its files = %v, want ErrLocked", err)
	}
}
