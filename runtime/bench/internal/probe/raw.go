package probe

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/batpak-go/batpak/runtime/bench/internal/disk"
	"github.com/batpak-go/batpak/runtime/bench/internal/driver"
	"github.com/batpak-go/batpak/runtime/bench/internal/event"
)

// Raw writes events and syncs them, and that is all.
var Raw = driver.Driver{
	Name: "raw",
	Settings: "no store: one pwrite and fdatasync for the bytes of an append, over and over in a file of 64 MiB that was written before; " +
		"relaxed = writes of 256 KiB to a file that grows",
	Role:  driver.Roof,
	Lanes: 1,
	Open:  func(dir string, mode driver.Mode) (driver.Store, error) { return open(dir, mode) },
}

const (
	area         = 64 << 20
	relaxedWrite = 256 << 10
	frame        = 8 // what a record needs around it at least: a length and a checksum
)

// raw is not safe for concurrent use; as a roof it has one lane.
type raw struct {
	file   *os.File
	mode   driver.Mode
	size   int64 // where to begin again
	offset int64
	buf    []byte
	count  uint64
}

func open(dir string, mode driver.Mode) (*raw, error) {
	f, err := os.Create(filepath.Join(dir, "raw"))
	if err != nil {
		return nil, err
	}
	r := &raw{file: f, mode: mode, size: 1 << 62}
	if mode == driver.Durable {
		r.size = area
		err = errors.Join(disk.Zero(f, area), f.Sync())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

func (r *raw) Append(events []event.Event) error {
	for i := range events {
		var head [frame]byte
		r.buf = event.AppendRecord(append(r.buf, head[:]...), &events[i])
	}
	r.count += uint64(len(events))
	switch {
	case r.mode == driver.Durable:
		return errors.Join(r.write(), disk.Datasync(r.file))
	case len(r.buf) < relaxedWrite:
		return nil
	}
	return r.write()
}

func (r *raw) write() error {
	if r.offset+int64(len(r.buf)) > r.size {
		r.offset = 0
	}
	n, err := r.file.WriteAt(r.buf, r.offset)
	r.offset += int64(n)
	r.buf = r.buf[:0]
	return err
}

func (r *raw) Flush() error { return errors.Join(r.write(), disk.Datasync(r.file)) }

func (r *raw) Last() (uint64, error) { return r.count, nil }

func (r *raw) Ways() driver.Ways { return driver.Ways{} }

func (r *raw) Close() error { return r.file.Close() }
