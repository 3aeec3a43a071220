package checkfs

import (
	"io"
	"math"
	"sync"
	"time"

	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/mount"
)

// FS is a [vfs.FS] for one opening of a store. It is safe for concurrent use.
type FS struct {
	inner  vfs.FS
	report func(*Breach)
	wait   time.Duration // for locks

	mu    sync.Mutex // guards all below; no call of inner or report is made with it held
	trace trace
	state protocol
	locks []lock
	over  bool // a breach was reported; what follows from it is not
}

// lock is one that must be free.
type lock struct {
	sync.Locker
	try func() bool
}

// patience is how long a lock may be held by others.
const patience = 10 * time.Second

// New returns an FS that passes every call on to inner, and has report called
// for the first breach, in the goroutine that commits it and before the call is
// passed on.
//
// What a file holds that was there before, the FS asks inner's method
//
//	Peek(name string) []byte
//
// if there is one, and else it opens and reads it.
func New(inner vfs.FS, report func(*Breach)) *FS {
	return &FS{inner: inner, report: report, wait: patience, state: protocol{files: map[string]*inode{}}}
}

// Must is New for where there is nobody to tell: a breach panics.
func Must(inner vfs.FS) *FS { return New(inner, func(b *Breach) { panic(b) }) }

// Promise takes in that events up to a sequence, inclusive, are about to be
// called durable, or to be shown to those who see durable events only.
func (c *FS) Promise(sequence uint64) {
	k := &call{op: "promise", n: int64(sequence), done: true}
	c.begin(k, func(p *protocol) error { return p.promise(sequence) })
}

// NotUnder names a lock that whoever makes a call must not hold. That others hold
// it for a moment does no harm.
func (c *FS) NotUnder(l sync.Locker, try func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.locks = append(c.locks, lock{l, try})
}

// begin holds a call against the protocol.
func (c *FS) begin(k *call, judge func(p *protocol) error) {
	if k.op != "promise" {
		c.checkLocks(k)
	}
	c.mu.Lock()
	c.trace.add(k)
	err := judge(&c.state)
	c.mu.Unlock()
	c.tell(k, err)
}

// tell reports a breach, if err is one and the first.
func (c *FS) tell(k *call, err error) {
	if err == nil {
		return
	}
	c.mu.Lock()
	b := &Breach{Call: k.String(), Reason: err.Error(), History: c.trace.before()}
	again := c.over
	c.over = true
	c.mu.Unlock()
	if !again {
		c.report(b)
	}
}

// end takes in how the call went.
func (c *FS) end(k *call, err error, learn func(p *protocol)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trace.finish(k, err)
	learn(&c.state)
}

// checkLocks waits until each lock was free for a moment. One that never is, is
// held by the caller.
func (c *FS) checkLocks(k *call) {
	c.mu.Lock()
	locks := c.locks
	c.mu.Unlock()
	for _, l := range locks {
		if l.try() {
			l.Unlock()
			continue
		}
		free := make(chan struct{})
		go func() {
			l.Lock()
			close(free)
			l.Unlock()
		}()
		select {
		case <-free:
		case <-time.After(c.wait):
			c.tell(k, because("a lock is held that must not be"))
		}
	}
}

// Create passes the call on.
func (c *FS) Create(name string) (vfs.File, error) {
	k := &call{op: "create", name: name}
	c.begin(k, func(p *protocol) error { return p.create(name) })
	inner, err := c.inner.Create(name)
	f := &file{File: inner, fs: c, name: name}
	c.end(k, err, func(p *protocol) {
		if f.inode = p.created(name, err); err == nil {
			p.open++
		}
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Open passes the call on.
func (c *FS) Open(name string, m vfs.Mode) (vfs.File, error) {
	k := &call{op: "open", name: name}
	c.begin(k, func(*protocol) error { return nil })
	inner, err := c.inner.Open(name, m)
	if err != nil {
		c.end(k, err, func(*protocol) {})
		return nil, err
	}
	f := &file{File: inner, fs: c, name: name}
	content, next := c.content(name), []byte(nil)
	if number, ok := segment.ParseName(name); ok && m == vfs.ReadWrite {
		c.mu.Lock()
		behind := c.state.behind(number)
		c.mu.Unlock()
		next = c.peek(behind, format.MergedHeaderSize)
	}
	own := []byte(nil)
	if s, ok := segment.ParseSpan(name); ok && s.Round > 0 && m == vfs.ReadWrite {
		own = c.peek(name, format.MergedHeaderSize)
	}
	c.end(k, nil, func(p *protocol) {
		f.inode = p.find(name, content)
		f.inode.follows(next)
		f.inode.stands(own)
		p.open++
	})
	return f, nil
}

// Rename passes the call on.
func (c *FS) Rename(from, to string) error {
	k := &call{op: "rename", name: from, to: to}
	var content []byte
	if checkpoint.IsName(to) {
		content = c.peek(from, math.MaxInt64)
	}
	c.begin(k, func(p *protocol) error { return p.rename(from, to, content) })
	err := c.inner.Rename(from, to)
	c.end(k, err, func(p *protocol) { p.renamed(from, to, err) })
	return err
}

// Remove passes the call on.
func (c *FS) Remove(name string) error {
	k := &call{op: "remove", name: name}
	c.begin(k, func(p *protocol) error { return p.remove(name) })
	err := c.inner.Remove(name)
	c.end(k, err, func(p *protocol) { p.removed(name, err) })
	return err
}

// Link passes the call on. Both directories are held to their protocol if the other
// one is an [FS], too.
func (c *FS) Link(name string, into vfs.FS) error {
	return c.share(&call{op: "link", name: name}, into, c.inner.Link, (*protocol).linked, (*protocol).added)
}

// Clone passes the call on, and holds both directories to their protocol as Link does.
func (c *FS) Clone(name string, into vfs.FS) error {
	size := int64(len(c.peek(name, math.MaxInt64)))
	return c.share(&call{op: "clone", name: name}, into, c.inner.Clone, func(*protocol, string, error) {},
		func(p *protocol, name string, err error) { p.cloned(name, size, err) })
}

// share passes on a call that gives another directory a file.
func (c *FS) share(k *call, into vfs.FS, call func(name string, into vfs.FS) error, given, got func(p *protocol, name string, err error)) error {
	c.begin(k, func(p *protocol) error { return p.link(k.name) })
	to, checked := into.(*FS)
	if checked {
		into = to.inner
		to.begin(k, func(p *protocol) error { return p.add(k.name) })
	}
	err := call(k.name, into)
	c.end(k, err, func(p *protocol) { given(p, k.name, err) })
	if checked {
		to.end(k, err, func(p *protocol) { got(p, k.name, err) })
	}
	return err
}

// Shared passes the call on.
func (c *FS) Shared(name string) (bool, error) { return c.inner.Shared(name) }

// Inside is [vfs.Inside] of the directory below.
func (c *FS) Inside(path string) (bool, error) { return vfs.Inside(c.inner, path) }

// Network is [mount.Of] of the directory below.
func (c *FS) Network() (string, error) { return mount.Of(c.inner) }

// List passes the call on.
func (c *FS) List() ([]vfs.Entry, error) {
	k := &call{op: "list"}
	c.begin(k, func(*protocol) error { return nil })
	entries, err := c.inner.List()
	last := lastSegment(entries)
	content := c.content(last)
	marks := c.marks(entries)
	c.end(k, err, func(p *protocol) {
		if err == nil {
			p.listed(entries, last, content)
			if !p.merging {
				p.testify(last, marks)
			}
		}
	})
	return entries, err
}

// marks are those of the sound checkpoints below.
func (c *FS) marks(entries []vfs.Entry) (all []checkpoint.Mark) {
	for _, e := range entries {
		if !checkpoint.IsName(e.Name) || !e.Regular {
			continue
		}
		if m, why := checkpoint.Parse(c.peek(e.Name, math.MaxInt64)); why == "" {
			all = append(all, m)
		}
	}
	return all
}

// SyncDir passes the call on.
func (c *FS) SyncDir() error {
	k := &call{op: "syncdir"}
	var names map[*inode]string
	c.begin(k, func(p *protocol) error {
		names = p.unnamed()
		return p.syncDir()
	})
	err := c.inner.SyncDir()
	c.end(k, err, func(p *protocol) { p.syncedDir(names, err) })
	return err
}

// Lock passes the call on.
func (c *FS) Lock(m vfs.LockMode) (io.Closer, error) {
	k := &call{op: "lock"}
	c.begin(k, func(*protocol) error { return nil })
	inner, err := c.inner.Lock(m)
	c.end(k, err, func(p *protocol) {
		if err == nil {
			p.lock, p.locked, p.mode = true, true, m
		}
	})
	if err != nil {
		return nil, err
	}
	return &held{inner, c}, nil
}

// held is the lock while it is held.
type held struct {
	io.Closer
	fs *FS
}

func (h *held) Close() error {
	k := &call{op: "unlock"}
	h.fs.begin(k, func(p *protocol) error {
		p.locked = false
		return nil
	})
	err := h.Closer.Close()
	h.fs.end(k, err, func(*protocol) {})
	return err
}

// Close passes the call on.
func (c *FS) Close() error {
	k := &call{op: "close"}
	c.begin(k, func(p *protocol) error {
		if p.open > 0 {
			return because("%d files are left open", p.open)
		}
		if p.locked {
			return because("the lock is left behind")
		}
		return nil
	})
	err := c.inner.Close()
	c.end(k, err, func(*protocol) {})
	return err
}

// content is what a segment below holds that the protocol does not know, nil if
// it cannot be read.
func (c *FS) content(name string) []byte {
	c.mu.Lock()
	unknown := c.state.unknown(name)
	c.mu.Unlock()
	if !unknown {
		return nil
	}
	return c.peek(name, math.MaxInt64)
}

// peek is what a file below begins with, nil if it cannot be read.
func (c *FS) peek(name string, n int64) []byte {
	if p, ok := c.inner.(interface{ Peek(name string) []byte }); ok {
		b := p.Peek(name)
		return b[:min(n, int64(len(b)))]
	}
	f, err := c.inner.Open(name, vfs.ReadOnly)
	if err != nil {
		return nil
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil || size > format.MaxSegment { // there is no such file of the store's
		return nil
	}
	b := make([]byte, min(n, size))
	read, _ := f.ReadAt(b, 0)
	return b[:read]
}
