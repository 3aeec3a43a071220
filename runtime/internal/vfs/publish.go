package vfs

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// TempSuffix ends the name under which [WriteFile] prepares a file. Nobody owns
// a file so named once the directory's lock has changed hands.
const TempSuffix = ".tmp"

// WriteFile replaces the file name by one that holds data, durably and in one
// step: whoever opens it, now or after a crash, finds the whole old file (or
// none, if there was none) or the whole new one. When it returns nil the new
// one is durable. When it fails the old one is still in place, unless the rename
// or the sync of the directory is what failed: then either may be found.
//
// The name and [TempSuffix] together must be a [ValidName]. Two calls for one
// name must not run at the same time.
//
//	unlink     name.tmp          what an earlier crash left behind
//	openat     name.tmp          O_CREAT|O_EXCL
//	pwrite     name.tmp          data
//	fdatasync  name.tmp          before the rename, or the name could outlive the bytes
//	close      name.tmp
//	renameat   name.tmp → name
//	fsync      .
func WriteFile(dir FS, name string, data []byte) error {
	if !ValidName(name) {
		return &fs.PathError{Op: "write", Path: name, Err: fs.ErrInvalid}
	}
	temp := name + TempSuffix
	if err := dir.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write %s: %w", name, err)
	}
	err := writeTemp(dir, temp, data)
	if err == nil {
		err = dir.Rename(temp, name)
	}
	if err != nil {
		sometimes.Reached("temporary file could not be published")
		_ = dir.Remove(temp) // only to give the space back; the next call does it again
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := dir.SyncDir(); err != nil {
		sometimes.Reached("published name could not be synced")
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// writeTemp makes a file with durable content and a name that is not.
func writeTemp(dir FS, name string, data []byte) error {
	f, err := dir.Create(name)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	if err == nil {
		err = planted.Skip("published file is renamed before it is synced", f.Sync)
	}
	return errors.Join(err, f.Close())
}

// Renew makes the name of a file durable as if it were new, in case an earlier
// sync of the directory failed and the next one proves nothing. A crash may leave
// the file under its temporary name, under both, or under none.
//
//	renameat   name → name.tmp
//	renameat   name.tmp → name
//	fsync      .
func Renew(dir FS, name string) error {
	err := dir.Rename(name, name+TempSuffix)
	if err == nil {
		err = dir.Rename(name+TempSuffix, name)
	}
	if err == nil {
		err = dir.SyncDir()
	}
	if err != nil {
		return fmt.Errorf("renew the name %s: %w", name, err)
	}
	return nil
}
