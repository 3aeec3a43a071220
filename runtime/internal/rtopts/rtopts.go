package rtopts

import (
	"time"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// Store is what tests may replace under a store. The zero Store replaces
// nothing.
type Store struct {
	fs     vfs.FS
	over   func(vfs.FS) vfs.FS
	dir    func(path string) (vfs.FS, error)
	now    func() time.Time
	random func([]byte)

	checkpoint struct {
		bytes  int64
		events uint64
	}
	fanIn int

	promise func(sequence uint64)
	point   func(name string)
}

// SetFS replaces the directory. What a store does to it in the background it then
// does on the goroutine that gives cause for it, so that it depends on the calls
// alone.
func SetFS(s *Store, fs vfs.FS) { s.fs = fs }

// FS is the replaced directory, or nil.
func FS(s *Store) vfs.FS { return s.fs }

// SetOver puts something over the directory, which then is that of the system, as is all
// that a store does to it in the background.
func SetOver(s *Store, over func(vfs.FS) vfs.FS) { s.over = over }

// Over is the directory with that over it, or as it is.
func Over(s *Store, fs vfs.FS) vfs.FS {
	if s.over != nil {
		return s.over(fs)
	}
	return fs
}

// SetDir replaces how the directory of a snapshot is opened.
func SetDir(s *Store, dir func(path string) (vfs.FS, error)) { s.dir = dir }

// Dir is how it is opened, or nil.
func Dir(s *Store) func(path string) (vfs.FS, error) { return s.dir }

// SetNow replaces the wall clock.
func SetNow(s *Store, now func() time.Time) { s.now = now }

// Now is the replaced wall clock, or nil.
func Now(s *Store) func() time.Time { return s.now }

// SetPromise has promise called before the store calls events durable, or shows
// them to those who see durable events only: with the sequence up to which, and
// under no lock of the store. It may be called with one sequence again, and from
// several goroutines at a time.
func SetPromise(s *Store, promise func(sequence uint64)) { s.promise = promise }

// Promise is what was set to be called, or nil.
func Promise(s *Store) func(sequence uint64) { return s.promise }

// SetRandom replaces the source of randomness.
func SetRandom(s *Store, random func([]byte)) { s.random = random }

// Random is the replaced source of randomness, or nil.
func Random(s *Store) func([]byte) { return s.random }

// SetCheckpoint has checkpoints written for every so many bytes of events, or so many
// events, whichever come first, on closing and before. 0 leaves one of the two as it is.
func SetCheckpoint(s *Store, bytes int64, events uint64) {
	s.checkpoint.bytes, s.checkpoint.events = bytes, events
}

// Checkpoint is what was set, or 0.
func Checkpoint(s *Store) (bytes int64, events uint64) {
	return s.checkpoint.bytes, s.checkpoint.events
}

// SetFanIn has segments merged unasked as soon as there are so many of like size.
func SetFanIn(s *Store, n int) { s.fanIn = n }

// FanIn is what was set, or 0.
func FanIn(s *Store) int { return s.fanIn }

// SetPoint sets what is called at the named points where goroutines may come in
// each other's way, so that a test can hold them up there.
func SetPoint(s *Store, point func(name string)) { s.point = point }

// Point is what is called at the named points, or nil.
func Point(s *Store) func(name string) { return s.point }
