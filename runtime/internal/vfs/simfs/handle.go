package simfs

import (
	"io/fs"

	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
)

// handle is what a process has open: the directory, a file or the lock.
type handle struct {
	disk   *Disk
	name   string // when it was opened; empty for the directory
	closed bool   // guarded by disk.mu
}

// do runs one operation about name: first the hook, then, with the disk's mutex
// held, either the effect or, when a fault takes it, lost. The effect's error
// goes to the caller as it is. A nil lost does nothing; see [faultfs.Plan.Do].
func (h *handle) do(op faultfs.Op, name string, effect func() error, lost func(f *faultfs.Fault) (answer error)) error {
	d := h.disk
	d.mu.Lock()
	err := h.alive(op, name)
	if hook := d.hook; err == nil {
		if d.ops++; hook != nil {
			d.mu.Unlock()
			hook(op, name) // may panic
			d.mu.Lock()
			err = h.alive(op, name)
		}
	}
	defer d.mu.Unlock()
	if err != nil {
		return err
	}
	if lost == nil {
		lost = func(f *faultfs.Fault) error { return f.Err }
	}
	return d.plan.Do(op, name, effect, lost)
}

// alive refuses what comes from a process that has ended, or through a handle
// that is closed. It needs the disk's mutex.
func (h *handle) alive(op faultfs.Op, name string) error {
	switch {
	case h.disk.stopped:
		return fail(op, name, ErrCrashed)
	case h.closed:
		return fail(op, name, fs.ErrClosed)
	}
	return nil
}

// Close closes the handle.
func (h *handle) Close() error {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	if err := h.alive("close", h.name); err != nil {
		return err
	}
	h.closed = true
	return nil
}

func fail(op faultfs.Op, name string, err error) error {
	return &fs.PathError{Op: string(op), Path: name, Err: err}
}
