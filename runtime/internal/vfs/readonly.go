package vfs

import (
	"fmt"
	"io/fs"
)

// OpenDirReadOnly opens the directory at path for use as an [FS] that changes
// nothing, be it on media that cannot be written to. It fails with
// [fs.ErrNotExist] if there is none. Everything that would change the directory or
// a file in it fails with [fs.ErrPermission], and so does a sync.
func OpenDirReadOnly(path string) (FS, error) {
	abs, err := absolute(path)
	if err != nil {
		return nil, fmt.Errorf("open directory: %w", err)
	}
	d, err := open(abs)
	if err != nil {
		return nil, err
	}
	return readOnlyDir{d}, nil
}

// readOnlyDir is a directory that is open for reading.
type readOnlyDir struct{ *dir }

func (readOnlyDir) Create(name string) (File, error) { return nil, forbidden("create", name) }

func (d readOnlyDir) Open(name string, m Mode) (File, error) {
	if m != ReadOnly {
		return nil, forbidden("open", name)
	}
	return d.dir.Open(name, m)
}

func (readOnlyDir) Rename(from, _ string) error { return forbidden("rename", from) }

func (readOnlyDir) Remove(name string) error { return forbidden("remove", name) }

func (readOnlyDir) SyncDir() error { return forbidden("sync", ".") }

func forbidden(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrPermission}
}

// readOnlyFile is a file that is open for reading. The system refuses to change
// it, too, but with an error that it also gives for files that are closed.
type readOnlyFile struct{ file }

func (f readOnlyFile) WriteAt([]byte, int64) (int, error) { return 0, forbidden("write", f.Name()) }

func (f readOnlyFile) Truncate(int64) error { return forbidden("truncate", f.Name()) }
