package recovery

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/replay"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

const (
	maxLost     = 16       // files
	maxLostSize = 64 << 20 // bytes of one
	copySize    = 64 << 10
)

// keep copies the bytes of f from one offset to another, and at most
// maxLostSize of them, to the segment's lost file, durably. A file that has the
// same name makes way, as does the oldest if there are too many. On a full disk
// the file keeps as much as there is room for; it has no name if that is nothing.
func keep(dir vfs.FS, lost []string, f vfs.File, number uint64, from, to int64) (name string, kept int64, err error) {
	name = replay.LostName(number, from)
	for len(lost) >= maxLost {
		sometimes.Reached("oldest lost file made way")
		if err := remove(dir, lost[0]); err != nil {
			return "", 0, err
		}
		lost = lost[1:]
	}
	if err := remove(dir, name); err != nil {
		return "", 0, err
	}
	kept, err = copyTo(dir, name, f, from, min(to, from+maxLostSize))
	if err == nil && kept == 0 {
		sometimes.Reached("torn tail had no room")
		name, err = "", remove(dir, name)
	}
	if err == nil {
		err = planted.Skip("name of a kept tail is not synced", dir.SyncDir)
	}
	if err != nil {
		sometimes.Reached("torn tail could not be kept")
		return "", 0, fmt.Errorf("keep the tail of segment %d: %w", number, err)
	}
	return name, kept, nil
}

// copyTo copies the bytes between two offsets of src, or as many of them as there
// is room for, to a new file, and makes them durable.
func copyTo(dir vfs.FS, name string, src vfs.File, from, to int64) (copied int64, err error) {
	dst, err := dir.Create(name)
	if vfs.Full(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	copied, err = copyRange(dst, src, from, to)
	if err == nil {
		err = planted.Skip("kept tail is not synced", dst.Sync)
	}
	return copied, errors.Join(err, dst.Close())
}

// copyRange copies the bytes between two offsets of src, or as many of them as there
// is room for, to the beginning of dst. It returns how many of them are there.
func copyRange(dst, src vfs.File, from, to int64) (int64, error) {
	buf := make([]byte, min(copySize, to-from))
	for at := from; at < to; at += int64(len(buf)) {
		buf = buf[:min(int64(len(buf)), to-at)]
		if _, err := src.ReadAt(buf, at); err != nil {
			return at - from, err
		}
		n, err := dst.WriteAt(buf, at-from)
		if vfs.Full(err) {
			sometimes.Reached("torn tail was kept in part")
			return at - from + int64(n), dst.Truncate(at - from + int64(n))
		}
		if err != nil {
			return at - from + int64(n), err
		}
	}
	return to - from, nil
}

// remove unlinks a file, if there is one.
func remove(dir vfs.FS, name string) error {
	if err := dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}

// removeAll unlinks what earlier crashes left.
func removeAll(dir vfs.FS, names []string) error {
	for _, name := range names {
		sometimes.Reached("temporary file of a crash was removed")
		if err := remove(dir, name); err != nil {
			return err
		}
	}
	return nil
}
