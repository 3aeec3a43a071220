package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/vfs/stat"
)

// Files and directories belong to their owner alone.
const (
	filePerm fs.FileMode = 0o600
	dirPerm  fs.FileMode = 0o700
)

// dir is the FS of a real directory.
type dir struct {
	path string   // absolute
	root *os.Root // confines every name to the directory
	self *os.File // the directory, for its fsync
}

// OpenDir opens the directory at path for use as an [FS]. If there is none it
// is made, with the parents that are missing, for its owner alone. When OpenDir
// returns nil the directory's own name is durable; the exception is a directory
// that existed before, below a parent that this process may not read. Links
// inside path are followed; links inside the directory never are.
func OpenDir(path string) (FS, error) {
	abs, err := absolute(path)
	if err != nil {
		return nil, fmt.Errorf("open directory: %w", err)
	}
	if err := makeDir(abs); err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	d, err := open(abs)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// absolute makes a path absolute, but none of nothing: somebody forgot to say where, and does
// not mean the directory that he is in.
func absolute(path string) (string, error) {
	if path == "" {
		return "", fmt.Errorf("the path is empty: %w", fs.ErrInvalid)
	}
	return filepath.Abs(path)
}

// open opens a directory that is there.
func open(abs string) (*dir, error) {
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, fmt.Errorf("open directory: %w", err)
	}
	self, err := root.Open(".")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open directory: %w", err), root.Close())
	}
	return &dir{path: abs, root: root, self: self}, nil
}

// makeDir makes the directory at path, if it is missing, and its name durable:
//
//	mkdir  path    0700, after the same for the parent where that is missing
//	fsync  parent
//
// The parent is synced even if path exists, because whoever made it may have
// died between the two calls.
func makeDir(path string) error {
	parent := filepath.Dir(path)
	_, err := os.Stat(path)
	existed := err == nil
	if errors.Is(err, fs.ErrNotExist) {
		if parent != path {
			if err := makeDir(parent); err != nil {
				return err
			}
		}
		err = os.Mkdir(path, dirPerm)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	err = syncPath(parent)
	if existed && errors.Is(err, fs.ErrPermission) {
		return nil // somebody with more rights gave us the directory
	}
	return err
}

// syncPath makes the names in the directory at path durable.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d *dir) Create(name string) (File, error) {
	if !ValidName(name) {
		return nil, invalid("create", name)
	}
	f, err := d.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, filePerm)
	if err != nil {
		return nil, err
	}
	return file{f}, nil
}

func (d *dir) Open(name string, m Mode) (File, error) {
	seen, err := d.regular("open", name)
	if err != nil {
		return nil, err
	}
	how := os.O_RDONLY
	if m == ReadWrite {
		how = os.O_RDWR
	}
	f, err := d.root.OpenFile(name, how|openAtOnce, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, invalid("open", name) // it became a link, and again while that was looked at
	}
	if err != nil {
		return nil, err
	}
	// The name may have changed hands since: to a pipe, for whose other end no open
	// must wait, or to a link.
	info, err := f.Stat()
	if err == nil && !os.SameFile(seen, info) {
		err = invalid("open", name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if m == ReadOnly {
		return readOnlyFile{file{f}}, nil
	}
	return file{f}, nil
}

func (d *dir) Rename(from, to string) error {
	if !ValidName(to) {
		return invalid("rename", to)
	}
	if _, err := d.regular("rename", from); err != nil {
		return err
	}
	return d.root.Rename(from, to)
}

func (d *dir) Remove(name string) error {
	if _, err := d.regular("remove", name); err != nil {
		return err
	}
	return d.root.Remove(name)
}

func (d *dir) List() ([]Entry, error) {
	f, err := d.root.Open(".")
	if err != nil {
		return nil, err
	}
	names, err := f.Readdirnames(-1)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	entries := make([]Entry, 0, len(names))
	for _, name := range names {
		info, err := d.root.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed since
		}
		if err != nil {
			return nil, err
		}
		e := Entry{Name: name, Regular: info.Mode().IsRegular()}
		if e.Regular {
			e.Size = info.Size()
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return entries, nil
}

func (d *dir) SyncDir() error { return d.self.Sync() }

// Lock opens the directory once more, because the lock belongs to the open
// file description: two holders in one process exclude each other as two
// processes do.
//
//	openat  .
//	flock   .       LOCK_EX or LOCK_SH, LOCK_NB
//	stat    path    still the directory that was locked?
func (d *dir) Lock(m LockMode) (io.Closer, error) {
	f, err := d.root.Open(".")
	if err != nil {
		return nil, err
	}
	if planted.Bug("lock does not exclude") {
		m = Shared
	}
	err = flock(f, m)
	switch {
	case err == nil:
		err = planted.Skip("directory is not looked for again when it is locked", func() error { return d.checkPath(f) })
	case errors.Is(err, ErrLocked):
		err = &LockedError{Holder: holder(f)}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", d.path, err), f.Close())
	}
	return dirLock{f}, nil
}

// checkPath reports whether the path still leads to the open directory f. If
// not, the next process to open the path would not meet our lock.
func (d *dir) checkPath(f *os.File) error {
	have, err := f.Stat()
	if err != nil {
		return err
	}
	want, err := os.Stat(d.path)
	if err != nil {
		return err
	}
	if !os.SameFile(have, want) {
		return errors.New("another directory has taken the path")
	}
	return nil
}

func (d *dir) Close() error { return errors.Join(d.self.Close(), d.root.Close()) }

// regular describes a file. It refuses a name that is not valid, does not exist, or
// belongs to anything but a regular file.
func (d *dir) regular(op, name string) (fs.FileInfo, error) {
	if !ValidName(name) {
		return nil, invalid(op, name)
	}
	info, err := d.root.Lstat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = invalid(op, name)
	}
	return info, err
}

func invalid(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
}

// file is a File of a real directory. What it does not override is as in
// package os, which completes short writes and retries after EINTR.
type file struct{ *os.File }

// Sync fails if the file was removed, as far as the system tells: what is durable of it
// nobody will find.
func (f file) Sync() error {
	if err := syncData(f.File); err != nil {
		return err
	}
	names, err := stat.Names(f.File)
	if err == nil && names == 0 {
		err = &fs.PathError{Op: "sync", Path: f.Name(), Err: fs.ErrNotExist}
	}
	return err
}

func (f file) Size() (int64, error) { return stat.Size(f.File) }

// dirLock is a held lock.
type dirLock struct{ f *os.File }

// Close unlocks before it closes: a child that is between fork and exec still
// shares the description, and closing alone would leave the lock with it.
func (l dirLock) Close() error { return errors.Join(funlock(l.f), l.f.Close()) }
