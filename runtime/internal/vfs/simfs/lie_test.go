package simfs_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A disk whose every sync is a lie loses all, bytes and names, and shows all the same
// what was written.
func TestLiesLoseWhatWasSynced(t *testing.T) {
	d, dir, f := one(t)
	d.Lie(1, 1)
	write(t, f, 0, []byte("xyz"))
	must(t, f.Sync())
	must(t, dir.Rename("a", "b"))
	must(t, dir.SyncDir())
	if got := d.Lied(); got != 2 || !d.Dirty() {
		t.Errorf("Lied() = %d, Dirty() = %v after two syncs, want 2 and true", got, d.Dirty())
	}
	if diff := cmp.Diff(map[string]string{"b": "xyz"}, content(d.Kill())); diff != "" {
		t.Errorf("seen after both (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"a": "abc"}, content(d.CutHard())); diff != "" {
		t.Errorf("kept after both (-want +got):\n%s", diff)
	}

	d.Lie(0, 1) // from now on it is honest, and what waits is made durable
	must(t, f.Sync())
	must(t, dir.SyncDir())
	if diff := cmp.Diff(map[string]string{"b": "xyz"}, content(d.CutHard())); diff != "" {
		t.Errorf("kept after honest syncs (-want +got):\n%s", diff)
	}
}

// TestLiesLeaveTheLastHonestSync holds a disk on which some syncs lie to the law of lies: what a hard power
// cut leaves is what there was at the last sync that was none, byte for byte. That is
// less than what was said to be durable, and each seed says the same.
func TestLiesLeaveTheLastHonestSync(t *testing.T) {
	lost := 0
	for seed := range uint64(100) {
		n := 1 + int(seed%5)
		kept, promised := lies(t, seed, n)
		if again, _ := lies(t, seed, n); kept != again {
			t.Fatalf("seed %d leaves %q, and then %q", seed, kept, again)
		}
		if kept != promised {
			lost++
		}
	}
	if lost < 20 {
		t.Errorf("%d of 100 disks lose what they promised, want more", lost)
	}
}

// lies writes and syncs on a disk of which one sync in n lies, checks after each what a
// hard power cut leaves, and returns that and what was said to be durable in the end.
func lies(t *testing.T, seed uint64, n int) (kept, promised string) {
	t.Helper()
	d, dir, f := one(t)
	r := rand.New(rand.NewPCG(seed, 9))
	d.Lie(n, seed)
	name, durableName, durable := "a", "a", "abc"
	for i := range 20 {
		before := d.Lied()
		if r.IntN(3) == 0 {
			next := fmt.Sprint("n", i)
			must(t, dir.Rename(name, next))
			must(t, dir.SyncDir())
			if name = next; d.Lied() == before {
				durableName = name
			}
		} else {
			write(t, f, 0, fmt.Appendf(nil, "%03d", i))
			must(t, f.Sync())
			if d.Lied() == before {
				durable = string(d.Bytes(name))
			}
		}
		want, got := map[string]string{durableName: durable}, content(d.CutHard())
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("kept after sync %d (-want +got):\n%s", i, diff)
		}
	}
	return durableName + durable, name + string(d.Bytes(name))
}
