package cache

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// keep is how long a run is remembered after it was last asked for, to within the
// time of fresh, during which it is not noted that it was.
const (
	keep  = 30 * 24 * time.Hour
	fresh = 24 * time.Hour
)

// Cache remembers runs. The zero Cache remembers nothing.
type Cache struct{ dir string }

// Open returns the user's cache. If there can be none, the one that it returns
// remembers nothing, and the error says why.
func Open() (Cache, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return Cache{}, err
	}
	return In(filepath.Join(dir, "batpakgen"))
}

// In returns the cache in a directory, which is made if it is not there.
func In(dir string) (Cache, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return Cache{}, err
	}
	return Cache{dir}, nil
}

// Has reports whether a run with the digest had nothing to do.
func (c Cache) Has(digest [32]byte) bool {
	if c.dir == "" {
		return false
	}
	info, err := os.Lstat(c.file(digest))
	if err != nil || !info.Mode().IsRegular() || info.Size() != 0 {
		return false
	}
	if time.Since(info.ModTime()) > fresh {
		_ = os.Chtimes(c.file(digest), time.Time{}, time.Now()) // if it fails, it is forgotten sooner
	}
	return true
}

// Add remembers that a run with the digest had nothing to do, and forgets what
// nobody has asked for in a long time.
func (c Cache) Add(digest [32]byte) error {
	if c.dir == "" {
		return nil
	}
	if err := os.WriteFile(c.file(digest), nil, 0o666); err != nil {
		return fmt.Errorf("remember the run: %w", err)
	}
	return c.clean(time.Now().Add(-keep))
}

// note is what the file of a note holds.
type note struct {
	State string          // of which the note is, in hexadecimal
	Value json.RawMessage // what it says
}

// Recall reads into a value the note of one place, if it is about the given state.
func (c Cache) Recall(place, state [32]byte, value any) bool {
	if c.dir == "" {
		return false
	}
	data, err := os.ReadFile(c.noteFile(place))
	var n note
	if err != nil || json.Unmarshal(data, &n) != nil || n.State != hex.EncodeToString(state[:]) {
		return false
	}
	if info, err := os.Stat(c.noteFile(place)); err == nil && time.Since(info.ModTime()) > fresh {
		_ = os.Chtimes(c.noteFile(place), time.Time{}, time.Now()) // if it fails, it is forgotten sooner
	}
	return json.Unmarshal(n.Value, value) == nil
}

// Keep keeps a note of one place about a state, instead of the one that there is.
func (c Cache) Keep(place, state [32]byte, value any) (err error) {
	if c.dir == "" {
		return nil
	}
	var n note
	n.State = hex.EncodeToString(state[:])
	if n.Value, err = json.Marshal(value); err != nil {
		return fmt.Errorf("keep a note: %w", err)
	}
	data, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("keep a note: %w", err)
	}
	f, err := os.CreateTemp(c.dir, filepath.Base(c.noteFile(place))+".")
	if err != nil {
		return fmt.Errorf("keep a note: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), c.noteFile(place))
	}
	if err != nil {
		return fmt.Errorf("keep a note: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// noteFile is where the note of a place is.
func (c Cache) noteFile(place [32]byte) string { return c.file(place) + ".note" }

// clean forgets what was last used before a time. Others may do so too.
func (c Cache) clean(before time.Time) error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return fmt.Errorf("forget old runs: %w", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		digest, _, _ := strings.Cut(e.Name(), ".")
		if err != nil || len(digest) != 2*len([32]byte{}) || !info.Mode().IsRegular() || !info.ModTime().Before(before) {
			continue // gone, not ours, or not old
		}
		if err := os.Remove(filepath.Join(c.dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forget old runs: %w", err)
		}
	}
	return nil
}

// file is where a digest is remembered.
func (c Cache) file(digest [32]byte) string {
	return filepath.Join(c.dir, hex.EncodeToString(digest[:]))
}
