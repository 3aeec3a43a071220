//go:build unix

package batpak_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// liveUntilStarved is the child that appends as liveUntilKilled does, keeps memory for
// each append, and may have little more than it had when it began.
func liveUntilStarved(args []string) error {
	debug.SetTraceback("none")
	var pages, resident uint64
	statm, err := os.ReadFile("/proc/self/statm")
	if err == nil {
		_, err = fmt.Sscan(string(statm), &pages, &resident)
	}
	if err != nil {
		return err
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_AS, &limit); err != nil {
		return err
	}
	limit.Cur = pages*uint64(os.Getpagesize()) + 48<<20
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &limit); err != nil {
		return err
	}
	var mu sync.Mutex
	var kept [][]byte
	return appendOps(args, func() {
		mu.Lock()
		defer mu.Unlock()
		kept = append(kept, make([]byte, 128<<10))
	})
}

// TestKillOfAProcessThatStarves: a process that runs out of memory, be it for its heap, for
// a thread, or for a mapping, loses no more than one that is killed: it dies of the
// lack, or goes on. Nothing that it does on the way there is seen by who comes after it.
func TestKillOfAProcessThatStarves(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("limits on addresses are those of Linux")
	}
	seed := rand.Uint64()
	k := &killed{t: t, dir: t.TempDir(), seed: seed, random: rand.New(rand.NewPCG(seed, 8)), receipts: map[[2]int][]string{}}
	const most = 50
	for n := 0; n < fewer(8) || len(k.receipts) < 100; n++ {
		if n == most {
			t.Fatalf("%d processes stored %d ops, want some hundreds", n, len(k.receipts))
		}
		k.starve()
		if _, err := k.check(); err != nil {
			t.Fatalf("%v; the seed is %d", err, seed)
		}
	}
}

// starve lets a process live until it dies for want of memory.
func (k *killed) starve() {
	k.t.Helper()
	var last strings.Builder
	c := startChildThatTells(k.t, &last, "starved", k.args()...)
	for line, ok := c.hear(); ok; line, ok = c.hear() {
		if line != "opening" {
			k.heard(line)
		}
	}
	k.opened = false
	err := c.cmd.Wait()
	_, ended := errors.AsType[*exec.ExitError](err)
	of := func(cause string) bool { return strings.Contains(last.String(), cause) }
	lack := of("out of memory") || of("cannot allocate") || of("address space") || of("pthread_create") || of("new OS thread")
	if !ended || of("starved:") || !lack {
		k.t.Fatalf("the process ends with %v, want it to die for want of memory:\n%s", err, &last)
	}
}
