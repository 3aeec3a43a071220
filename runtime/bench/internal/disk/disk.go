package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Zero writes zeros into the first size bytes of a file.
func Zero(f *os.File, size int64) error {
	zeros := make([]byte, 1<<20)
	for offset := int64(0); offset < size; offset += int64(len(zeros)) {
		n := min(size-offset, int64(len(zeros)))
		if _, err := f.WriteAt(zeros[:n], offset); err != nil {
			return err
		}
	}
	return nil
}

// SyncDir makes the names in a directory durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Use sums the bytes that the files below dir take on disk.
func Use(dir string) (bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if s, ok := info.Sys().(*syscall.Stat_t); ok && err == nil {
			bytes += s.Blocks * 512
		}
		return err
	})
	return bytes, err
}

// Warm reads the files below dir into the page cache. The system may have dropped
// them since they were written, memory pressure or not.
func Warm(dir string) error {
	return each(dir, func(f *os.File) error {
		_, err := io.Copy(io.Discard, f)
		return err
	})
}

// Evict drops the files below dir from the page cache, and leaves the rest of it
// alone.
func Evict(dir string) error {
	return each(dir, func(f *os.File) error { return errors.Join(f.Sync(), forget(f)) })
}

func each(dir string, do func(*os.File) error) error {
	return filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		return errors.Join(do(f), f.Close())
	})
}
