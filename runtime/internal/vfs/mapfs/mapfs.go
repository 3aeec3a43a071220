package mapfs

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/mount"
)

const (
	// patience is how many reads a file is worth before it is mapped, or mapped anew.
	patience = 16
	// large is how many bytes are not read through a mapping: what they cost is to be
	// copied, and not the call of the system, which lets another goroutine have the
	// processor while the disk is busy.
	large = 32 << 10
)

// Suits reports whether files should be mapped on this system if nobody says otherwise:
// those of many gigabytes have room in an address, and faults of mappings were tried.
func Suits() bool {
	return strconv.IntSize == 64 && (runtime.GOOS == "linux" || runtime.GOOS == "darwin")
}

// New returns the directory whose files are read through mappings.
func New(d vfs.FS) vfs.FS { return directory{d} }

type directory struct{ vfs.FS }

// Inside is [vfs.Inside] of the directory behind.
func (d directory) Inside(path string) (bool, error) { return vfs.Inside(d.FS, path) }

// Network is [mount.Of] of the directory behind.
func (d directory) Network() (string, error) { return mount.Of(d.FS) }

func (d directory) Open(name string, m vfs.Mode) (vfs.File, error) {
	f, err := d.FS.Open(name, m)
	return read(f), err
}

func (d directory) Create(name string) (vfs.File, error) {
	f, err := d.FS.Create(name)
	return read(f), err
}

// read is a file, if there is one, read through a mapping, if the system knows it.
func read(f vfs.File) vfs.File {
	if system, ok := f.(descriptor); ok {
		return &file{File: f, system: system}
	}
	return f
}

// descriptor is a file that the system knows.
type descriptor interface {
	SyscallConn() (syscall.RawConn, error)
}

type file struct {
	vfs.File
	system descriptor
	missed atomic.Uint64 // reads that no mapping has served

	mu     sync.RWMutex // guards all below
	mapped []byte       // the file as long as it was when it was mapped, or nil
	closed bool
}

// ReadAt reads from the mapping if that has all of it.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if len(p) >= large {
		return f.File.ReadAt(p, off)
	}
	if f.copy(p, off) {
		return len(p), nil
	}
	n, err := f.File.ReadAt(p, off)
	if f.missed.Add(1)%patience == 0 {
		f.remap()
	}
	return n, err
}

// Gather is what [vfs.Gatherer] returns, from the mapping.
func (f *file) Gather(p []byte, parts []vfs.Part) bool {
	f.mu.RLock()
	gathered := f.gatherLocked(p, parts)
	f.mu.RUnlock()
	if !gathered && f.missed.Add(uint64(len(parts)))%patience < uint64(len(parts)) {
		f.remap()
	}
	return gathered
}

func (f *file) gatherLocked(p []byte, parts []vfs.Part) bool {
	for i := range parts {
		if parts[i].Length < 1 || parts[i].Length >= large || !f.hasLocked(parts[i].Offset, parts[i].Length) {
			return false
		}
	}
	return mapped(func() bool {
		near := byte(0)
		for i := range parts { // the processor waits for the memory of many at once, not for one after the other
			at := parts[i].Offset
			near |= f.mapped[at] | f.mapped[at+int64(parts[i].Length)/2]
		}
		runtime.KeepAlive(near)
		for i := range parts {
			p = p[copy(p, f.mapped[parts[i].Offset:][:parts[i].Length]):]
		}
		return len(p) == 0
	})
}

// copy fills p from the mapping, and reports whether it could.
func (f *file) copy(p []byte, off int64) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.hasLocked(off, len(p)) && mapped(func() bool { return copy(p, f.mapped[off:]) == len(p) })
}

// hasLocked reports whether the mapping has so many bytes from off on.
func (f *file) hasLocked(off int64, n int) bool {
	return off >= 0 && off <= int64(len(f.mapped)) && int64(n) <= int64(len(f.mapped))-off
}

// mapped does what reads a mapping. It reports false if there is no memory behind it: the
// file was cut off, or the disk failed.
func mapped(do func() bool) (ok bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(!planted.Bug("fault of a mapping ends the process")))
	defer func() {
		switch r := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }: // a fault
			sometimes.Reached("mapping had no file behind it")
			ok = false
		default:
			panic(r)
		}
	}()
	return do()
}

// remap maps the file if it is a good deal longer than its mapping. To map it anew each
// time a little was written to it would cost more than it spares. While somebody reads the
// mapping it is left for later: one who waits for the disk must not make others wait.
func (f *file) remap() {
	if !f.mu.TryLock() {
		return
	}
	defer f.mu.Unlock()
	size, err := f.Size()
	if err != nil || f.closed || size <= int64(len(f.mapped)+len(f.mapped)/8) || size != int64(int(size)) {
		return
	}
	if f.mapped != nil {
		sometimes.Reached("file that grew was mapped anew")
	}
	mapped, err := mmap(f.system, int(size))
	if err != nil {
		return // it is read without
	}
	f.unmapLocked()
	f.mapped = mapped
}

func (f *file) unmapLocked() {
	if f.mapped != nil {
		_ = munmap(f.mapped) // nothing was written to it
		f.mapped = nil
	}
}

// Close waits for the reads of the mapping that are under way.
func (f *file) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return os.ErrClosed
	}
	f.closed = true
	f.unmapLocked()
	return f.File.Close()
}
