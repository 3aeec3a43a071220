package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	batpak "github.com/batpak-go/batpak/runtime"

	"github.com/batpak-go/batpak/examples/gitlog/history"
	"github.com/batpak-go/batpak/examples/gitlog/internal/git"
)

// storeDir is the directory of the log, absolute: dir if that is given, or else
// one below the user's cache directory that belongs to the repository. The
// directory it is in is made.
func storeDir(dir string, repo *git.Repository) (string, error) {
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("no place for the log, name one with -store: %w", err)
		}
		place := sha256.Sum256([]byte(repo.Dir()))
		dir = filepath.Join(cache, "batpak", "gitlog", fmt.Sprintf("%.64s-%x", repo.Name(), place[:6]))
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fmt.Errorf("make a place for the log: %w", err)
	}
	return dir, nil
}

// open opens the log.
func open(dir string) (*history.Journal, error) {
	store, err := batpak.Open(dir, nil)
	switch {
	case errors.Is(err, batpak.ErrLocked):
		return nil, fmt.Errorf("%w; wait for the other run to end, or keep a log of your own with -store", err)
	case errors.Is(err, batpak.ErrCorrupt):
		return nil, fmt.Errorf("%w; move the directory away to record the history anew", err)
	case err != nil:
		return nil, err
	}
	j, err := history.Bind(store)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return j, nil
}

// size is the size in bytes of the files in a directory.
func size(dir string) (int64, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	var n int64
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			return 0, err
		}
		n += info.Size()
	}
	return n, nil
}
