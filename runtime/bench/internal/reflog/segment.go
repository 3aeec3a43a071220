package reflog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/batpak-go/batpak/runtime/bench/internal/disk"
)

const segmentSize = 64 << 20

// segment is a file of the log with a mapping to read it.
type segment struct {
	file *os.File
	mem  []byte
}

func segmentName(dir string, n int) string { return filepath.Join(dir, fmt.Sprintf("%06d.segment", n)) }

// openSegments maps all segments there are.
func openSegments(dir string) ([]segment, error) {
	var all []segment
	for {
		s, err := mapSegment(segmentName(dir, len(all)))
		if errors.Is(err, fs.ErrNotExist) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, s)
	}
}

func mapSegment(name string) (segment, error) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return segment{}, err
	}
	mem, err := unix.Mmap(int(f.Fd()), 0, segmentSize, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return segment{}, errors.Join(err, f.Close())
	}
	return segment{f, mem}, nil
}

func (s segment) close() error { return errors.Join(unix.Munmap(s.mem), s.file.Close()) }

// makeSegment makes segment n. Space is allocated, so that the file does not grow
// with each sync. A zeroed segment has written blocks as well, whose syncs need not
// touch the file system's journal.
func makeSegment(dir string, n int, zeroed bool) (segment, error) {
	name := segmentName(dir, n)
	f, err := os.Create(name + ".new")
	if err != nil {
		return segment{}, err
	}
	defer f.Close()
	if err := disk.Allocate(f, segmentSize); err != nil {
		return segment{}, err
	}
	if zeroed {
		if err := disk.Zero(f, segmentSize); err != nil {
			return segment{}, err
		}
	}
	if err := errors.Join(f.Sync(), os.Rename(name+".new", name), disk.SyncDir(dir)); err != nil {
		return segment{}, err
	}
	return mapSegment(name)
}

// pace tells how large commits are. Zeroing a segment writes it twice, which pays
// only while latency counts and not bandwidth.
type pace struct{ bytes, syncs int }

func (p *pace) add(bytes int) { p.bytes, p.syncs = p.bytes+bytes, p.syncs+1 }

func (p *pace) small() bool { return p.syncs > 0 && p.bytes/p.syncs < 64<<10 }

// ahead is a segment that is made before it is needed. A nil one is none.
type ahead struct {
	name string
	made chan struct{} // closed when the rest is set
	s    segment
	err  error
}

func makeAhead(dir string, n int, zeroed bool) *ahead {
	a := &ahead{name: segmentName(dir, n), made: make(chan struct{})}
	go func() {
		defer close(a.made)
		a.s, a.err = makeSegment(dir, n, zeroed)
	}()
	return a
}

// take waits for the segment.
func (a *ahead) take() (segment, error) {
	if a == nil {
		return segment{}, nil
	}
	<-a.made
	return a.s, a.err
}

// drop removes the segment, which is not needed after all.
func (a *ahead) drop() error {
	s, err := a.take()
	if a == nil || err != nil {
		return err
	}
	return errors.Join(s.close(), os.Remove(a.name))
}
