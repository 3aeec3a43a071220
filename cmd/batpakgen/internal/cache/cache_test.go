package cache_test

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/batpak-go/batpak/cmd/batpakgen/internal/cache"
)

// digest is one of many.
func digest(n byte) (d [32]byte) {
	d[n%32] = n
	return d
}

func TestCacheRemembersWhatWasAdded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "er")
	c, err := cache.In(dir)
	if err != nil {
		t.Fatal(err)
	}
	if c.Has(digest(1)) {
		t.Error("Has(never added) = true, want false")
	}
	if err := c.Add(digest(1)); err != nil {
		t.Fatal(err)
	}
	again, err := cache.In(dir)
	if err != nil || !again.Has(digest(1)) || again.Has(digest(2)) {
		t.Errorf("another process: %v, Has(added) = %v, Has(other) = %v, want true, false", err, again.Has(digest(1)), again.Has(digest(2)))
	}
}

// A note is recalled for the state that it is about, until the next one of its place.
func TestNotes(t *testing.T) {
	dir := t.TempDir()
	c, err := cache.In(dir)
	if err != nil {
		t.Fatal(err)
	}
	recall := func(place, state byte) (value []string, ok bool) {
		ok = c.Recall(digest(place), digest(state), &value)
		return value, ok
	}
	if value, ok := recall(1, 1); ok {
		t.Errorf("Recall(nothing) = %v, true, want false", value)
	}
	for state := range byte(3) {
		if err := c.Keep(digest(1), digest(state+1), []string{"a", string('a' + rune(state))}); err != nil {
			t.Fatal(err)
		}
	}
	if value, ok := recall(1, 3); !ok || !slices.Equal(value, []string{"a", "c"}) {
		t.Errorf("Recall(last) = %v, %v, want a and c", value, ok)
	}
	for _, other := range [][2]byte{{1, 2}, {2, 3}} {
		if value, ok := recall(other[0], other[1]); ok {
			t.Errorf("Recall(place %d, state %d) = %v, true, want false", other[0], other[1], value)
		}
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) != 1 {
		t.Fatalf("files = %v, %v, want one", names, err)
	}
	text, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	for n := range text { // cut short
		if err := os.WriteFile(names[0], text[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if value, ok := recall(1, 3); ok {
			t.Fatalf("Recall(%d bytes of %d) = %v, true, want false", n, len(text), value)
		}
	}
	old := time.Now().Add(-365 * 24 * time.Hour)
	if err := os.Chtimes(names[0], old, old); err != nil {
		t.Fatal(err)
	}
	if err := c.Add(digest(5)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(names[0]); err == nil {
		t.Error("a note that nobody asked for in a year is still there")
	}
}

// What somebody else put there is neither believed nor removed.
func TestCacheBelievesItsOwnFilesOnly(t *testing.T) {
	dir := t.TempDir()
	c, err := cache.In(dir)
	if err != nil {
		t.Fatal(err)
	}
	one := digest(1)
	name := filepath.Join(dir, hex.EncodeToString(one[:]))
	if err := os.WriteFile(name, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c.Has(one) {
		t.Error("Has(file with text in it) = true, want false")
	}
	old := time.Now().Add(-365 * 24 * time.Hour)
	for _, other := range []string{"README", "sub"} {
		if err := os.WriteFile(filepath.Join(dir, other), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(dir, other), old, old); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Add(digest(2)); err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"README", "sub"} {
		if _, err := os.Stat(filepath.Join(dir, other)); err != nil {
			t.Errorf("a file of somebody else: %v", err)
		}
	}
}

// A run that is asked for is remembered, one that is not is forgotten.
func TestCacheForgets(t *testing.T) {
	dir := t.TempDir()
	c, err := cache.In(dir)
	if err != nil {
		t.Fatal(err)
	}
	for n := range byte(3) {
		if err := c.Add(digest(n + 1)); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-31 * 24 * time.Hour)
	for _, n := range []byte{1, 2} {
		d := digest(n)
		if err := os.Chtimes(filepath.Join(dir, hex.EncodeToString(d[:])), old, old); err != nil {
			t.Fatal(err)
		}
	}
	if !c.Has(digest(1)) {
		t.Error("Has(old) = false, want true until it is cleaned up")
	}
	if err := c.Add(digest(4)); err != nil {
		t.Fatal(err)
	}
	for n, want := range map[byte]bool{1: true, 2: false, 3: true, 4: true} {
		if got := c.Has(digest(n)); got != want {
			t.Errorf("Has(%d) = %v, want %v", n, got, want)
		}
	}
}

func TestCacheWithoutDirectoryRemembersNothing(t *testing.T) {
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	c, err := cache.Open()
	if err == nil {
		t.Skip("the user's cache does not depend on HOME here")
	}
	if err := c.Add(digest(1)); err != nil || c.Has(digest(1)) {
		t.Errorf("Add() = %v, Has() = %v, want nil, false", err, c.Has(digest(1)))
	}
}

func TestCacheIsSharedByMany(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	for worker := range byte(8) {
		all.Go(func() {
			c, err := cache.In(dir)
			if err != nil {
				t.Error(err)
				return
			}
			for n := range byte(20) {
				if err := c.Add(digest(n)); err != nil || !c.Has(digest(n)) {
					t.Errorf("worker %d: Add(%d) = %v, Has = %v", worker, n, err, c.Has(digest(n)))
				}
			}
		})
	}
	all.Wait()
}
