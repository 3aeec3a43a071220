package simfs

import (
	"errors"
	"io"
	"io/fs"
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// dir is the open directory.
type dir struct{ handle }

// Peek returns a copy of what a file shows, nil if there is none. It is no
// operation: whoever only watches the store calls it.
func (h *dir) Peek(name string) []byte { return h.disk.Bytes(name) }

func (h *dir) Create(name string) (vfs.File, error) {
	f, err := h.open(OpCreate, name, func() (*inode, error) {
		switch _, err := h.find(OpCreate, name); {
		case err == nil:
			return nil, fail(OpCreate, name, fs.ErrExist)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
		n := &inode{}
		h.move(move{file: n, to: name})
		return n, nil
	})
	if err != nil {
		return nil, err // not f, which would be an interface that holds a nil pointer
	}
	return f, nil
}

func (h *dir) Open(name string, m vfs.Mode) (vfs.File, error) {
	f, err := h.open(OpOpen, name, func() (*inode, error) { return h.find(OpOpen, name) })
	if err != nil {
		return nil, err
	}
	f.readOnly = m == vfs.ReadOnly
	return f, nil
}

// open opens the file that get comes up with.
func (h *dir) open(op Op, name string, get func() (*inode, error)) (*file, error) {
	f := &file{handle: handle{disk: h.disk, name: name}}
	err := h.do(op, name, func() (err error) {
		f.inode, err = get()
		return err
	}, nil)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (h *dir) Rename(from, to string) error {
	return h.do(OpRename, from, func() error {
		if !vfs.ValidName(to) {
			return fail(OpRename, to, fs.ErrInvalid)
		}
		n, err := h.find(OpRename, from)
		if err != nil {
			return err
		}
		if h.disk.live[to] != n { // POSIX leaves two names of one file alone
			h.move(move{file: n, to: to, from: from})
		}
		return nil
	}, nil)
}

func (h *dir) Remove(name string) error {
	return h.do(OpRemove, name, func() error {
		n, err := h.find(OpRemove, name)
		if err != nil {
			return err
		}
		h.disk.forgetLocked(n.live.data)
		h.move(move{from: name})
		return nil
	}, nil)
}

func (h *dir) List() ([]vfs.Entry, error) {
	var entries []vfs.Entry
	err := h.do(OpList, "", func() error {
		live := h.disk.live
		for _, name := range live.sorted() {
			entries = append(entries, vfs.Entry{Name: name, Size: int64(len(live[name].live.data)), Regular: true})
		}
		return nil
	}, nil)
	return entries, err
}

func (h *dir) SyncDir() error {
	return h.do(OpSyncDir, "", func() error {
		if h.disk.liesLocked() {
			return nil
		}
		h.disk.durable.apply(h.disk.pending...)
		h.disk.pending = nil
		return nil
	}, func(f *Fault) error {
		h.disk.loseNamesLocked(f.Loss)
		return f.Err
	})
}

func (h *dir) Lock(m vfs.LockMode) (io.Closer, error) {
	d := h.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := h.alive("lock", ""); err != nil {
		return nil, err
	}
	d.locks = slices.DeleteFunc(d.locks, func(l *lock) bool { return l.closed })
	for _, l := range d.locks {
		if m == vfs.Exclusive || l.mode == vfs.Exclusive {
			return nil, fail("lock", "", vfs.ErrLocked)
		}
	}
	l := &lock{handle: handle{disk: d}, mode: m}
	d.locks = append(d.locks, l)
	return l, nil
}

// lock is a held lock.
type lock struct {
	handle
	mode vfs.LockMode
}

// find returns the file of that name.
func (h *dir) find(op Op, name string) (*inode, error) {
	if !vfs.ValidName(name) {
		return nil, fail(op, name, fs.ErrInvalid)
	}
	if n := h.disk.live[name]; n != nil {
		return n, nil
	}
	return nil, fail(op, name, fs.ErrNotExist)
}

// move changes a name.
func (h *dir) move(m move) {
	h.disk.live.apply(m)
	h.disk.pending = append(h.disk.pending, m)
}
