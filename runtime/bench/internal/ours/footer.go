package ours

import (
	"errors"
	"os"
	"path/filepath"
)

// The end of a sealed segment's footer, from FORMAT.md.
const (
	trailerSize  = 256
	trailerMagic = "batSIDX\n"
)

// dropCheckpoints removes the checkpoints of the last segment.
func dropCheckpoints(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "checkpoint-?"))
	for _, name := range names {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// dropFooters cuts the footers of all segments, which makes them useless, and removes
// the checkpoints.
func dropFooters(dir string) error {
	if err := dropCheckpoints(dir); err != nil {
		return err
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	for _, name := range names {
		err = errors.Join(err, cutTrailer(name))
	}
	return err
}

func cutTrailer(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() < trailerSize {
		return err
	}
	trailer := make([]byte, trailerSize)
	if _, err := f.ReadAt(trailer, info.Size()-trailerSize); err != nil {
		return err
	}
	if string(trailer[:len(trailerMagic)]) != trailerMagic {
		return nil // the last segment has none
	}
	return f.Truncate(info.Size() - trailerSize)
}
