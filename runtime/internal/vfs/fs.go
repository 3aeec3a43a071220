package vfs

import (
	"errors"
	"fmt"
	"io"
)

// ErrLocked says that another holder has the directory's exclusive lock.
var ErrLocked = errors.New("directory is locked by another holder")

// LockedError is an [ErrLocked] that may know the holder.
type LockedError struct {
	Holder int // id of the process, 0 = unknown
}

func (e *LockedError) Error() string {
	if e.Holder == 0 {
		return ErrLocked.Error()
	}
	return fmt.Sprintf("directory is locked by process %d", e.Holder)
}

// Is matches [ErrLocked].
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// FS is one flat directory. Names are those [ValidName] accepts, any other
// fails with [io/fs.ErrInvalid]; there are no sub-directories and no symbolic
// links are followed. Implementations are safe for concurrent use. After Close every
// method fails with [io/fs.ErrClosed].
//
// Nothing is durable until the call that says so: the content and size of a
// file after [File.Sync], the names in the directory after SyncDir. The store
// relies on exactly these promises and on no others. A method that failed may
// still have had its effect, unless it says otherwise.
type FS interface {
	// Create makes a new empty file and opens it for reading and writing. It
	// fails with [io/fs.ErrExist] if the name is taken, by a file or by
	// anything else. The name is durable only after SyncDir.
	Create(name string) (File, error)

	// Open opens an existing regular file. It fails
	// with [io/fs.ErrNotExist] if there is none, and with [io/fs.ErrInvalid] if
	// the name belongs to anything that is not a regular file.
	Open(name string, m Mode) (File, error)

	// Rename gives a file another name, atomically replacing any file that had
	// it. It fails with [io/fs.ErrNotExist] if there is no file of that name.
	// Open files follow. The change is durable only after SyncDir.
	Rename(from, to string) error

	// Remove unlinks a file; who has it open can go on using it. It fails with
	// [io/fs.ErrNotExist] if there is none. The change is durable only after
	// SyncDir.
	Remove(name string) error

	// Link gives a file the same name in another directory, too: it is one file
	// then, and lives until it has lost both names. It fails with
	// [io/fs.ErrNotExist] if there is no such file, with [io/fs.ErrExist] if the
	// name is taken there, and with [errors.ErrUnsupported], without an effect, if
	// the directories cannot share a file, be it that they are on different devices.
	// The new name is durable only after SyncDir of the other directory.
	Link(name string, into FS) error

	// Clone makes a file of the same name and content in another directory. It is a file of
	// its own, which on the disk shares its bytes with this one until either is written to.
	// It fails as Link does, also where it is the disk that cannot do this. The new name is
	// durable only after SyncDir of the other directory, and the content after the
	// [File.Sync] of the new file.
	Clone(name string, into FS) error

	// Shared reports whether the file has other names as well, in whatever directory.
	// It fails with [io/fs.ErrNotExist] if there is no such file.
	Shared(name string) (bool, error)

	// List reports every entry of the directory, sorted by name, foreign ones
	// included.
	List() ([]Entry, error)

	// SyncDir makes all names durable as they are now.
	SyncDir() error

	// Lock takes the directory's lock without waiting. It fails with [ErrLocked]
	// while another holder, in this process or another, has it in a mode that
	// excludes this one, and with [errors.ErrUnsupported] where the system has no
	// such lock. Closing the result releases the lock; so does the end of the
	// process.
	Lock(m LockMode) (io.Closer, error)

	// Close releases the directory. Files and the lock stay as they are until
	// they are closed themselves.
	Close() error
}

// Mode says what an open file may be used for. What would change a file that is
// open for reading fails with [io/fs.ErrPermission].
type Mode int

// The modes.
const (
	ReadOnly Mode = iota
	ReadWrite
)

// LockMode says whom a lock excludes.
type LockMode int

// The lock modes.
const (
	Shared    LockMode = iota // holders of an exclusive lock
	Exclusive                 // every other holder
)

// File is an open file without a hidden offset. Its methods are safe for
// concurrent use; a read beside a write of the same bytes may see a part of
// it. The file keeps none of the slices it is handed. After Close every method
// fails with [io/fs.ErrClosed].
type File interface {
	// ReadAt fills p from byte off on. It returns fewer bytes than that only
	// with an error, which is [io.EOF] at the end of the file.
	io.ReaderAt

	// WriteAt writes p from byte off on, growing the file as needed; bytes
	// that were never written read as zeros. When it fails, any prefix of p may
	// have been written, and the count it returns is only a lower bound.
	io.WriterAt

	// Truncate sets the size in bytes; what a larger one adds reads as zeros.
	Truncate(size int64) error

	// Sync makes content and size durable, not the name. After it failed, what
	// the file holds is unknown, and a later Sync that succeeds proves nothing
	// about what was written before.
	Sync() error

	// Size reports the current size in bytes.
	Size() (int64, error)

	// Close releases the file. It makes nothing durable.
	Close() error
}

// Entry is one name in the directory.
type Entry struct {
	Name    string // not necessarily one that [ValidName] accepts
	Size    int64  // bytes; 0 for what is not a regular file
	Regular bool   // false for directories, links, devices, pipes, sockets
}

// Part is a part of a file.
type Part struct {
	Offset int64
	Length int
}

// Gatherer returns what fills p with parts of a file, one behind the other, for less than a
// read of each takes, or nil if the file is not one that can do that. It reports false, and
// p holds nothing of use, if that does not have all of them.
func Gatherer(f File) (gather func(p []byte, parts []Part) bool) {
	if g, ok := f.(interface {
		Gather(p []byte, parts []Part) bool
	}); ok {
		gather = g.Gather
	}
	return gather
}
