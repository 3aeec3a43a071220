package reflog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/zeebo/blake3"

	"github.com/batpak-go/batpak/runtime/bench/internal/disk"
	"github.com/batpak-go/batpak/runtime/bench/internal/driver"
	"github.com/batpak-go/batpak/runtime/bench/internal/event"
)

// Driver drives the reference log.
var Driver = driver.Driver{
	Name: "ref-log",
	Settings: "not a peer but the least that a log of our kind must do, in this repository; 64 MiB segments, zeroed ahead of use " +
		"while commits are below 64 KiB on average; fdatasync; group commit; BLAKE3 chain; index in memory, snapshot at close",
	Role:      driver.Reference,
	Indexed:   true,
	DropIndex: func(dir string) error { return os.Remove(filepath.Join(dir, snapshotName)) },
	Open:      func(dir string, mode driver.Mode) (driver.Store, error) { return open(dir, mode) },
}

// A record is
//
//	| length of all after the checksum 4 | CRC-32C of that 4 | chain 32 | event |
//
// where the chain is BLAKE3 of the chain before it and the event. The first record
// that is not whole ends the log.
const (
	frame     = 4 + 4
	chainSize = 32

	relaxedWrite = 256 << 10 // bytes that a relaxed log gathers before it writes
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)

	errDuplicate = errors.New("duplicate id, or not the entity's next version")
	errNotFound  = errors.New("not found")
	errDamaged   = errors.New("damaged")
)

type log struct {
	dir  string
	mode driver.Mode

	mu       sync.Mutex // guards all below
	index    index
	segments []segment
	end      int // of the last segment, with what is not written yet
	chain    [chainSize]byte
	hasher   *blake3.Hasher
	current  *batch
	spare    []byte // memory of the batch written last
	leading  bool   // an appender is writing a batch
	crowd    int    // appenders in the batch written last
	pace     pace
	ahead    *ahead // the segment that is being made
	err      error  // of a write or sync; nothing is appended after it
}

// batch is what one sync covers.
type batch struct {
	buf     []byte
	parts   []part
	callers int
	lead    chan struct{} // tells the first of its appenders that it is its turn to write
	done    chan struct{}
	err     error
}

// part is where the bytes of a batch from start on go.
type part struct{ segment, offset, start int }

func newBatch(buf []byte) *batch {
	return &batch{buf: buf[:0], lead: make(chan struct{}, 1), done: make(chan struct{})}
}

func open(dir string, mode driver.Mode) (_ *log, err error) {
	l := &log{dir: dir, mode: mode, hasher: blake3.New(), current: newBatch(nil)}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.release())
		}
	}()
	if l.segments, err = openSegments(dir); err != nil {
		return nil, err
	}
	if len(l.segments) == 0 {
		first, err := makeSegment(dir, 0, mode == driver.Durable)
		if err != nil {
			return nil, err
		}
		l.segments = append(l.segments, first)
	}
	from, err := l.index.load(filepath.Join(dir, snapshotName), &l.chain)
	if err != nil {
		return nil, err
	}
	return l, l.replay(from)
}

// replay enters the events from a place on in the index.
func (l *log) replay(from place) error {
	for n, offset := from.segment(), from.offset(); n < len(l.segments); n, offset = n+1, 0 {
		for {
			record, ok := parse(l.segments[n].mem, offset)
			if !ok {
				break
			}
			var e event.Event
			if err := event.ParseRecord(record[chainSize:], &e); err != nil {
				return err
			}
			l.index.add(&e, placeOf(n, offset))
			copy(l.chain[:], record)
			offset += frame + len(record)
		}
		l.end = offset
	}
	return nil
}

// parse returns chain and event of the record at offset, if its checksum holds.
func parse(mem []byte, offset int) ([]byte, bool) {
	if offset+frame+chainSize > len(mem) {
		return nil, false
	}
	n := int(binary.LittleEndian.Uint32(mem[offset:]))
	if n < chainSize || offset+frame+n > len(mem) {
		return nil, false
	}
	record := mem[offset+frame:][:n]
	return record, crc32.Checksum(record, castagnoli) == binary.LittleEndian.Uint32(mem[offset+4:])
}

// link is the chain's next value.
func link(h *blake3.Hasher, chain *[chainSize]byte, body []byte) {
	h.Reset()
	h.Write(chain[:])
	h.Write(body)
	h.Sum(chain[:0])
}

func (l *log) Append(events []event.Event) error {
	l.mu.Lock()
	if l.err == nil && !l.index.allows(events) {
		l.mu.Unlock()
		return errDuplicate
	}
	if l.err == nil {
		l.err = l.encodeLocked(events)
	}
	if l.err != nil || l.mode == driver.Relaxed {
		defer l.mu.Unlock()
		if l.err == nil && len(l.current.buf) >= relaxedWrite {
			l.err = l.flushLocked(false)
		}
		return l.err
	}
	b := l.current
	b.callers++
	if b.callers > 1 {
		l.mu.Unlock()
		<-b.done
		return b.err
	}
	defer l.mu.Unlock()
	return l.leadLocked(b)
}

// leadLocked is done by the first appender of a batch: it waits until the batch
// before is written, while others join this one, then writes it for all.
func (l *log) leadLocked(b *batch) error {
	if l.leading {
		l.mu.Unlock()
		<-b.lead
		l.mu.Lock()
	}
	l.leading = true
	l.gatherLocked(b)
	l.crowd = b.callers
	l.current, l.spare = newBatch(l.spare), nil
	l.pace.add(len(b.buf))
	segments := l.segments
	l.mu.Unlock()
	b.err = write(b, segments, true)
	close(b.done)
	l.mu.Lock()
	l.spare = b.buf
	if b.err != nil {
		l.err = b.err
	}
	if l.current.callers > 0 {
		l.current.lead <- struct{}{}
	} else {
		l.leading = false
	}
	return b.err
}

// gatherLocked lets those whom the last batch woke join this one: it yields until
// as many have come, or the batch has stopped growing. Without it the first to wake
// would sync alone while the others wait, and two syncs do the work of one.
func (l *log) gatherLocked(b *batch) {
	if l.crowd < 2 {
		return
	}
	for still := 0; still < 3 && b.callers < l.crowd; still++ {
		before := b.callers
		l.mu.Unlock()
		runtime.Gosched()
		l.mu.Lock()
		if b.callers > before {
			still = 0
		}
	}
}

// encodeLocked puts the events into the current batch and the index.
func (l *log) encodeLocked(events []event.Event) error {
	b := l.current
	for i := range events {
		e := &events[i]
		size := frame + chainSize + 28 + len(e.Entity) + len(e.Scope) + len(e.Payload)
		rolled := l.end+size > segmentSize
		if rolled {
			if err := l.rollLocked(); err != nil {
				return err
			}
		}
		n := len(l.segments) - 1
		if rolled || len(b.parts) == 0 {
			b.parts = append(b.parts, part{segment: n, offset: l.end, start: len(b.buf)})
		}
		start := len(b.buf)
		var head [frame + chainSize]byte
		b.buf = event.AppendRecord(append(b.buf, head[:]...), e)
		record := b.buf[start+frame:]
		link(l.hasher, &l.chain, record[chainSize:])
		copy(record, l.chain[:])
		binary.LittleEndian.PutUint32(b.buf[start:], uint32(len(record)))
		binary.LittleEndian.PutUint32(b.buf[start+4:], crc32.Checksum(record, castagnoli))
		l.index.add(e, placeOf(n, l.end))
		l.end += size
	}
	return nil
}

// rollLocked goes on in a new segment, and has the next one made.
func (l *log) rollLocked() error {
	next, err := l.ahead.take()
	if l.ahead == nil {
		next, err = makeSegment(l.dir, len(l.segments), l.pace.small())
	}
	if err != nil {
		return err
	}
	l.segments, l.end = append(l.segments, next), 0
	l.ahead = makeAhead(l.dir, len(l.segments), l.pace.small())
	l.pace = pace{}
	return nil
}

// write writes a batch, and syncs it if it is to be durable.
func write(b *batch, segments []segment, durable bool) error {
	for i, p := range b.parts {
		end := len(b.buf)
		if i+1 < len(b.parts) {
			end = b.parts[i+1].start
		}
		f := segments[p.segment].file
		if _, err := f.WriteAt(b.buf[p.start:end], int64(p.offset)); err != nil {
			return err
		}
		if durable {
			if err := disk.Datasync(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// flushLocked writes what a relaxed log gathered.
func (l *log) flushLocked(durable bool) error {
	b := l.current
	err := write(b, l.segments, durable)
	b.buf, b.parts = b.buf[:0], b.parts[:0]
	return err
}

func (l *log) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil || l.mode == driver.Durable {
		return l.err
	}
	l.err = l.flushLocked(false)
	for _, s := range l.segments {
		if l.err == nil {
			l.err = disk.Datasync(s.file)
		}
	}
	return l.err
}

func (l *log) Last() (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(len(l.index.places)), nil
}

func (l *log) Close() error {
	err := l.Flush()
	if err == nil {
		err = l.index.save(filepath.Join(l.dir, snapshotName), placeOf(len(l.segments)-1, l.end), l.chain)
	}
	return errors.Join(err, l.ahead.drop(), l.release())
}

func (l *log) release() error {
	err := l.index.release()
	for _, s := range l.segments {
		err = errors.Join(err, s.close())
	}
	return err
}

func (l *log) Ways() driver.Ways {
	return driver.Ways{ByID: l.byID, BySeq: l.bySeq, Stream: l.stream, Scan: l.scan, Verify: l.verify}
}

// read reads the event of index entry n.
func (l *log) read(n uint32, e *event.Event) error {
	p := l.index.places[n]
	record, ok := parse(l.segments[p.segment()].mem, p.offset())
	if !ok {
		return fmt.Errorf("event %d: %w", n+1, errDamaged)
	}
	e.Seq = uint64(n) + 1
	return event.ParseRecord(record[chainSize:], e)
}

func (l *log) byID(id [16]byte, dst []byte) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, ok := l.index.find(&id)
	if !ok {
		return dst, errNotFound
	}
	var e event.Event
	err := l.read(n, &e)
	return append(dst, e.Payload...), err
}

func (l *log) bySeq(seq uint64, dst []byte) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if seq == 0 || seq > uint64(len(l.index.places)) {
		return dst, errNotFound
	}
	var e event.Event
	err := l.read(uint32(seq-1), &e)
	return append(dst, e.Payload...), err
}

func (l *log) stream(entity string, visit func(*event.Event)) error {
	l.mu.Lock()
	list := l.index.stream(entity)
	l.mu.Unlock()
	if list == nil {
		return errNotFound
	}
	return l.visit(len(list), func(i int) uint32 { return list[i] }, visit)
}

func (l *log) scan(visit func(*event.Event)) error {
	l.mu.Lock()
	count := len(l.index.places)
	l.mu.Unlock()
	return l.visit(count, func(i int) uint32 { return uint32(i) }, visit)
}

// visit reads count events. It takes no lock: what is in the index does not
// change, and nothing is appended while it runs.
func (l *log) visit(count int, entry func(int) uint32, visit func(*event.Event)) error {
	var e event.Event
	for i := range count {
		if err := l.read(entry(i), &e); err != nil {
			return err
		}
		visit(&e)
	}
	return nil
}

// verify computes the chain again.
func (l *log) verify(context.Context) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var chain [chainSize]byte
	for n, p := range l.index.places {
		record, ok := parse(l.segments[p.segment()].mem, p.offset())
		if !ok {
			return uint64(n), errDamaged
		}
		if link(l.hasher, &chain, record[chainSize:]); string(chain[:]) != string(record[:chainSize]) {
			return uint64(n), fmt.Errorf("event %d: chain: %w", n+1, errDamaged)
		}
	}
	return uint64(len(l.index.places)), nil
}
