package checkfs

import (
	"bytes"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// file is an open file.
type file struct {
	vfs.File // for Size
	fs       *FS
	name     string // when it was opened
	inode    *inode
	closed   bool // guarded by fs.mu
}

func (f *file) ReadAt(b []byte, off int64) (int, error) {
	k := &call{op: "read", name: f.name, off: off, n: int64(len(b))}
	f.fs.begin(k, func(*protocol) error { return nil })
	spoil(b)
	n, err := f.File.ReadAt(b, off)
	f.fs.end(k, err, func(*protocol) {})
	return n, err
}

func (f *file) WriteAt(b []byte, off int64) (int, error) {
	k := &call{op: "write", name: f.name, off: off, n: int64(len(b))}
	lent := bytes.Clone(b)
	f.fs.begin(k, func(p *protocol) error { return p.write(f.inode, lent, off) })
	n, err := f.File.WriteAt(lent, off)
	changed := !bytes.Equal(b, lent)
	f.fs.end(k, err, func(p *protocol) { p.wrote(f.inode, lent, off, err) })
	spoil(lent)
	if changed {
		f.fs.tell(k, because("the bytes changed while they were written"))
	}
	return n, err
}

// spoil fills b with junk. To double what is there is much faster than a loop.
func spoil(b []byte) {
	const junk = 0xDB
	if len(b) > 0 {
		b[0] = junk
	}
	for n := 1; n < len(b); n *= 2 {
		copy(b[n:], b[:n])
	}
}

func (f *file) Truncate(size int64) error {
	k := &call{op: "truncate", name: f.name, n: size}
	f.fs.begin(k, func(p *protocol) error { return p.truncate(f.inode, size) })
	err := f.File.Truncate(size)
	f.fs.end(k, err, func(p *protocol) { p.truncated(f.inode, size, err) })
	return err
}

func (f *file) Sync() error {
	k := &call{op: "sync", name: f.name}
	var size int64
	f.fs.begin(k, func(p *protocol) error {
		size = f.inode.beginSync()
		return p.sync(f.inode)
	})
	err := f.File.Sync()
	f.fs.end(k, err, func(p *protocol) { p.syncedFile(f.inode, size, err) })
	return err
}

func (f *file) Close() error {
	k := &call{op: "close", name: f.name}
	f.fs.begin(k, func(p *protocol) error {
		if f.closed {
			return because("the file was closed before")
		}
		f.closed = true
		p.open--
		return nil
	})
	err := f.File.Close()
	f.fs.end(k, err, func(*protocol) {})
	return err
}
