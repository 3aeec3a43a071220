package simfs

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"syscall"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
)

// dir is an open directory.
type dir struct {
	handle
	under string // begins its names on the disk
}

// Peek is [Disk.View]. It is no operation: whoever only watches the store calls it.
func (h *dir) Peek(name string) []byte { return h.disk.View(h.under + name) }

func (h *dir) Create(name string) (vfs.File, error) {
	return h.open(faultfs.OpCreate, name, vfs.ReadWrite, func() (*inode, error) {
		switch _, err := h.find(faultfs.OpCreate, name); {
		case err == nil:
			return nil, fail(faultfs.OpCreate, name, fs.ErrExist)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
		n := newFile()
		h.move(move{file: n, to: h.under + name})
		return n, nil
	})
}

func (h *dir) Open(name string, m vfs.Mode) (vfs.File, error) {
	return h.open(faultfs.OpOpen, name, m, func() (*inode, error) { return h.find(faultfs.OpOpen, name) })
}

// open opens the file that get comes up with.
func (h *dir) open(op faultfs.Op, name string, m vfs.Mode, get func() (*inode, error)) (vfs.File, error) {
	f := &file{handle: handle{disk: h.disk, name: h.under + name}, readOnly: m == vfs.ReadOnly}
	err := h.do(op, f.name, func() (err error) {
		f.inode, err = get()
		return err
	}, nil)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (h *dir) Rename(from, to string) error {
	return h.do(faultfs.OpRename, h.under+from, func() error {
		if !vfs.ValidName(to) {
			return fail(faultfs.OpRename, to, fs.ErrInvalid)
		}
		n, err := h.find(faultfs.OpRename, from)
		if err != nil {
			return err
		}
		if h.disk.live.file(h.under+to) != n { // POSIX leaves two names of one file alone
			h.move(move{file: n, to: h.under + to, from: h.under + from})
		}
		return nil
	}, nil)
}

func (h *dir) Remove(name string) error {
	return h.do(faultfs.OpRemove, h.under+name, func() error {
		n, err := h.find(faultfs.OpRemove, name)
		if err != nil {
			return err
		}
		h.move(move{from: h.under + name})
		if !h.disk.live.have(n) {
			h.disk.forgetLocked(n.live.share().data)
		}
		return nil
	}, nil)
}

func (h *dir) Link(name string, into vfs.FS) error { return h.share(name, into, false) }

func (h *dir) Clone(name string, into vfs.FS) error { return h.share(name, into, true) }

// share gives another directory a file, or a clone of it, which takes the room that it may
// come to need.
func (h *dir) share(name string, into vfs.FS, clone bool) error {
	return h.do(faultfs.OpLink, h.under+name, func() error {
		n, err := h.find(faultfs.OpLink, name)
		if err != nil {
			return err
		}
		to, ok := into.(*dir)
		if !ok || to.disk != h.disk || !clone && h.disk.apart || clone && !h.disk.clones {
			return fail(faultfs.OpLink, h.under+name, errors.ErrUnsupported)
		}
		if err := to.alive(faultfs.OpLink, to.under+name); err != nil {
			return err
		}
		if h.disk.live.file(to.under+name) != nil {
			return fail(faultfs.OpLink, to.under+name, fs.ErrExist)
		}
		if clone {
			data := n.live.data
			if _, ok := h.disk.takeLocked(int64(len(data))); !ok {
				return fail(faultfs.OpLink, to.under+name, syscall.ENOSPC)
			}
			n = newFile() // of which nothing is durable
			n.write(data, 0)
		}
		h.move(move{file: n, to: to.under + name})
		return nil
	}, nil)
}

func (h *dir) Shared(name string) (bool, error) {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	if err := h.alive("stat", h.under+name); err != nil {
		return false, err
	}
	n, err := h.find("stat", name)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(h.disk.live, func(e entry) bool { return e.file == n && e.name != h.under+name }), nil
}

func (h *dir) List() ([]vfs.Entry, error) {
	var entries []vfs.Entry
	err := h.do(faultfs.OpList, h.under, func() error {
		own := h.disk.live.below(h.under)
		entries = make([]vfs.Entry, 0, len(own))
		for _, e := range own {
			entries = append(entries, vfs.Entry{Name: e.name, Size: int64(len(e.file.live.data)), Regular: true})
		}
		return nil
	}, nil)
	return entries, err
}

func (h *dir) SyncDir() error {
	return h.do(faultfs.OpSyncDir, h.under, func() error {
		if h.disk.liesLocked() {
			return nil
		}
		own, others := h.split(h.disk.pending)
		h.disk.durable, h.disk.pending = h.disk.durable.with(own...), others
		return nil
	}, func(f *faultfs.Fault) error { return h.lose(f.Loss, f.Err) })
}

// Lose makes of the names what a sync of the directory does that fails with err and loses
// them so, and returns err. It is no operation.
func (h *dir) Lose(l faultfs.Loss, err error) error {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	if err := h.alive(faultfs.OpSyncDir, h.under); err != nil {
		return err
	}
	return h.lose(l, err)
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
		if l.under == h.under && (m == vfs.Exclusive || l.mode == vfs.Exclusive) {
			return nil, fail("lock", "", vfs.ErrLocked)
		}
	}
	l := &lock{handle: handle{disk: d}, under: h.under, mode: m}
	d.locks = append(d.locks, l)
	return l, nil
}

// lock is a held lock.
type lock struct {
	handle
	under string
	mode  vfs.LockMode
}

// find returns the file of that name.
func (h *dir) find(op faultfs.Op, name string) (*inode, error) {
	if !vfs.ValidName(name) {
		return nil, fail(op, name, fs.ErrInvalid)
	}
	if n := h.disk.live.file(h.under + name); n != nil {
		return n, nil
	}
	return nil, fail(op, name, fs.ErrNotExist)
}

// split tells the changes of this directory from those of others.
func (h *dir) split(moves []move) (own, others []move) {
	for _, m := range moves {
		if m.under() == h.under {
			own = append(own, m)
		} else {
			others = append(others, m)
		}
	}
	return own, others
}

func (h *dir) lose(l faultfs.Loss, err error) error {
	d := h.disk
	own, others := h.split(d.pending)
	switch l {
	case faultfs.Reverted:
		d.pending, d.live = others, d.durable.with(others...)
	case faultfs.Partial:
		r := rand.New(rand.NewPCG(uint64(d.ops), 4))
		own = slices.DeleteFunc(own, func(m move) bool {
			lucky := r.IntN(2) == 0
			if lucky {
				d.durable = d.durable.with(m)
			}
			return lucky
		})
		d.pending = append(others, own...)
	}
	return err
}

// move changes a name.
func (h *dir) move(m move) {
	h.disk.live = h.disk.live.with(m)
	h.disk.pending = append(h.disk.pending, m)
}
