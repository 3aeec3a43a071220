package segment

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// Spare is the file of a segment to come. It has its space before the segment
// before it is sealed, so that a full disk is met where the log can still go on.
// It is owned by one goroutine.
//
//	openat     <number>.seg.tmp               Prepare: O_CREAT|O_EXCL
//	pwrite     <number>.seg.tmp               zeros, for the header and a close group
//	pwrite     <number>.seg.tmp               Fill: the header
//	fdatasync  <number>.seg.tmp
//	close      <number>.seg.tmp
//	renameat   <number>.seg.tmp → <number>.seg   Publish
//	fsync      .                              before the first group: a log without its file is lost
//	openat     <number>.seg
//
// When one of them fails it removes the file if it can; the error is a
// [*WriteError], Undone unless a sync failed.
type Spare struct {
	dir    vfs.FS
	file   vfs.File // nil when it is closed
	number uint64
}

// Prepare takes the space of a segment. It fails with [fs.ErrExist] if there is
// one of this number.
func Prepare(dir vfs.FS, number uint64) (*Spare, error) {
	s := &Spare{dir: dir, number: number}
	taken, err := dir.Open(Name(number), vfs.ReadOnly)
	if err == nil {
		sometimes.Reached("name of a new segment was taken")
		return nil, &WriteError{Undone: true, Err: errors.Join(fmt.Errorf("segment %d: %w", number, fs.ErrExist), taken.Close())}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, &WriteError{Undone: true, Err: err}
	}
	s.file, err = dir.Create(s.temp())
	if err == nil {
		_, err = s.file.WriteAt(make([]byte, format.SegmentHeaderSize+closeRoom), 0)
	}
	if err != nil {
		sometimes.Reached("new segment could not be prepared")
		return nil, s.discard(true, err)
	}
	return s, nil
}

// Fill writes the header, durably.
func (s *Spare) Fill(h format.SegmentHeader) error {
	if _, err := s.file.WriteAt(format.AppendSegmentHeader(nil, h), 0); err != nil {
		return s.discard(true, err)
	}
	if err := planted.Skip("header of a new segment is not synced", s.file.Sync); err != nil {
		return s.discard(false, err)
	}
	f := s.file
	s.file = nil
	if err := f.Close(); err != nil {
		return s.discard(true, err)
	}
	return nil
}

// Publish makes the file a segment, durably, and returns its writer.
func (s *Spare) Publish() (*Writer, error) {
	f, synced, err := s.publish()
	if err != nil {
		e := s.discard(synced, err)
		if err := remove(s.dir, Name(s.number)); err != nil { // the name it may have by now
			e.Undone, e.Err = false, errors.Join(e.Err, err)
		}
		return nil, e
	}
	const size = format.SegmentHeaderSize
	return Resume(f, s.number, size, size, size+closeRoom), nil
}

func (s *Spare) publish() (f vfs.File, synced bool, err error) {
	if err := s.dir.Rename(s.temp(), Name(s.number)); err != nil {
		return nil, true, err
	}
	if err := planted.Skip("name of a new segment is not synced", s.dir.SyncDir); err != nil {
		return nil, false, err
	}
	f, err = s.dir.Open(Name(s.number), vfs.ReadWrite)
	return f, true, err
}

// Discard gives the file up, to no avail if the disk will not have it.
func (s *Spare) Discard() { _ = s.discard(true, nil) }

// discard gives the file up because of a failure.
func (s *Spare) discard(undone bool, cause error) *WriteError {
	err := remove(s.dir, s.temp())
	if s.file != nil {
		err = errors.Join(err, s.file.Close())
	}
	sometimes.Reached("half a new segment was taken back")
	return &WriteError{Undone: undone && err == nil, Full: vfs.Full(cause), Err: errors.Join(cause, err)}
}

func (s *Spare) temp() string { return Name(s.number) + vfs.TempSuffix }

// remove unlinks a file, if there is one.
func remove(dir vfs.FS, name string) error {
	if err := dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
