package rtopts

import (
	"time"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// Store is what tests may replace under a store. The zero Store replaces
// nothing.
type Store struct {
	fs     vfs.FS
	now    func() time.Time
	random func([]byte)
	inline bool
}

// SetFS replaces the directory.
func SetFS(s *Store, fs vfs.FS) { s.fs = fs }

// FS is the replaced directory, or nil.
func FS(s *Store) vfs.FS { return s.fs }

// SetNow replaces the wall clock.
func SetNow(s *Store, now func() time.Time) { s.now = now }

// Now is the replaced wall clock, or nil.
func Now(s *Store) func() time.Time { return s.now }

// SetRandom replaces the source of randomness.
func SetRandom(s *Store, random func([]byte)) { s.random = random }

// Random is the replaced source of randomness, or nil.
func Random(s *Store) func([]byte) { return s.random }

// SetInline makes the store do its upkeep on the goroutine that gives cause for it,
// rather than on one of its own.
func SetInline(s *Store, inline bool) { s.inline = inline }

// Inline reports whether upkeep is done where it is caused.
func Inline(s *Store) bool { return s.inline }
