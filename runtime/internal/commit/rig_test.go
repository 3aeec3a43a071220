package commit_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/batpak-go/batpak/runtime/internal/catalog"
	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/commit"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/frontier"
	"github.com/batpak-go/batpak/runtime/internal/recovery"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/vfs/checkfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a pipeline on a simulated disk.
type rig struct {
	*commit.Pipeline
	disk     *simfs.Disk
	index    *catalog.Catalog
	frontier *frontier.Frontier
	reader   *segment.Reader
	log      *commit.Log
	seed     uint32
	report   recovery.Report
}

// tuning is how a rig differs from the usual.
type tuning struct {
	segmentSize int64 // 0 = large
	relaxed     bool
	next        uint64 // 0 = as recovered
	point       func(name string)
	wall        func() time.Time
}

// fixed is a wall clock that stands.
func fixed() time.Time { return time.Unix(1_700_000_000, 0) }

// start recovers the log on a disk and starts a pipeline behind it.
func start(disk *simfs.Disk, tune tuning) (*rig, error) {
	r := &rig{disk: disk}
	check := checkfs.Must(disk.FS())
	found, err := recovery.Run(check, recovery.Config{Cache: sidx.NewCache(0), NewStore: func() [16]byte { return [16]byte{7} }})
	if err != nil {
		return nil, err
	}
	check.Promise(found.NextSequence - 1)
	if tune.segmentSize == 0 {
		tune.segmentSize = 1 << 24
	}
	if tune.next == 0 {
		tune.next = found.NextSequence
	}
	last, _ := clock.TickOf(found.LastID)
	random := rand.NewChaCha8([32]byte{1})
	r.report, r.index = found.Report, found.Index
	r.reader = found.Reader
	r.seed = format.RecordSeed(found.Store)
	r.frontier = frontier.New(tune.next - 1)
	r.log = commit.NewLog(commit.LogConfig{
		FS: check, Reader: found.Reader, Writer: found.Writer, Header: found.Header, Digest: found.Digest,
		Incarnation: found.Incarnation + 1, SegmentSize: tune.segmentSize, Closed: found.Closed,
	})
	r.Pipeline = commit.New(commit.Config{
		Log: r.log, Clock: clock.New(tune.wall, func(p []byte) { random.Read(p) }, last),
		Index: r.index, Frontier: r.frontier, Store: found.Store, Next: tune.next, Relaxed: tune.relaxed, Point: tune.point,
		Promise: check.Promise,
	})
	check.NotUnder(r, r.TryLock)
	return r, nil
}

// begin starts a pipeline that the test closes, if it has not done so itself.
func begin(t *testing.T, disk *simfs.Disk, tune tuning) *rig {
	t.Helper()
	r, err := start(disk, tune)
	if err != nil {
		t.Fatalf("recovery: %v", err)
	}
	return r
}

func (r *rig) close(t *testing.T) {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
}

// event is an item of a request in short.
type event struct {
	entity, key, text string
	expects           bool
	version           uint64
	cause             int // 1 + item; 0 = none
}

func request(events ...event) *commit.Request {
	r := new(commit.Request)
	for _, e := range events {
		tail := format.Tail{
			Kind: 0x1001, PayloadVersion: 1, Entity: []byte(e.entity), Scope: []byte("test"), Key: []byte(e.key), Payload: []byte(e.text),
		}
		if e.cause > 0 {
			tail.Causation = [16]byte{1}
		}
		r.Items = append(r.Items, commit.Item{
			Tail:   format.EncodeTail(&tail),
			Digest: chain.Digest(tail.Payload), Expects: e.expects, Version: e.version, CauseItem: e.cause - 1,
		})
	}
	return r
}

// one is a request of one event that expects nothing.
func one(entity, text string) *commit.Request { return request(event{entity: entity, text: text}) }

// outcome is what Submit returned, once it has.
type outcome struct {
	*commit.Request
	done chan struct{}
	err  error
}

// submit calls Submit in another goroutine.
func (r *rig) submit(ctx context.Context, q *commit.Request) *outcome {
	o := &outcome{Request: q, done: make(chan struct{})}
	go func() {
		defer close(o.done)
		o.err = r.Submit(ctx, q)
	}()
	return o
}

// wait waits for the outcome.
func (o *outcome) wait() error {
	<-o.done
	return o.err
}

// over reports whether Submit has returned.
func (o *outcome) over() bool {
	select {
	case <-o.done:
		return true
	default:
		return false
	}
}

// gate holds up the disk at each operation of a kind, until it is let through or
// opened for good.
type gate struct {
	pass chan struct{}
	stop chan struct{}
	open func()
}

func hold(d *simfs.Disk, held faultfs.Op) *gate {
	g := &gate{pass: make(chan struct{}), stop: make(chan struct{})}
	g.open = sync.OnceFunc(func() { close(g.stop) })
	d.OnOp(func(op faultfs.Op, _ string) {
		if op == held {
			select {
			case <-g.pass:
			case <-g.stop:
			}
		}
	})
	return g
}

// records reads everything published back and holds it against the laws of the
// log: sequences and versions dense, ids rising, every link of every chain.
func (r *rig) records() ([]format.Record, error) {
	var all []format.Record
	var linker chain.Linker
	heads := map[string]format.Record{}
	var last [16]byte
	for n := range r.index.Next() - 1 {
		ref, ok, err := r.index.At(n + 1)
		if !ok || err != nil {
			return nil, fmt.Errorf("event %d of %d is not in the index: %w", n+1, r.index.Next()-1, err)
		}
		var rec format.Record
		if err := r.reader.Record(&rec, ref.Pos, r.seed); err != nil {
			return nil, fmt.Errorf("event %d: %w", n+1, err)
		}
		prev := heads[string(rec.Entity)]
		switch {
		case rec.Sequence != n+1:
			return nil, fmt.Errorf("event %d stands where event %d belongs", rec.Sequence, n+1)
		case rec.Version != prev.Version+1:
			return nil, fmt.Errorf("event %d has version %d of %s after version %d", n+1, rec.Version, rec.Entity, prev.Version)
		case string(rec.ID[:8]) <= string(last[:8]):
			return nil, fmt.Errorf("event %d has an id that does not rise", n+1)
		case !linker.Verify(prev.Hash, &rec):
			return nil, fmt.Errorf("event %d does not follow from the one before it in %s", n+1, rec.Entity)
		}
		heads[string(rec.Entity)], last = rec, rec.ID
		all = append(all, rec)
	}
	return all, nil
}

// payloads lists the payloads of everything published, which must be sound.
func (r *rig) payloads(t *testing.T) (all []string) {
	t.Helper()
	records, err := r.records()
	if err != nil {
		t.Errorf("log is not sound: %v", err)
	}
	for _, rec := range records {
		all = append(all, string(rec.Payload))
	}
	return all
}

// reopened lists the payloads that a log on a disk has.
func reopened(t *testing.T, disk *simfs.Disk) []string {
	t.Helper()
	r := begin(t, disk, tuning{})
	defer r.close(t)
	return r.payloads(t)
}

func isPoisoned(err error) bool {
	_, ok := errors.AsType[*commit.PoisonedError](err)
	return ok
}

func isUnknown(err error) bool {
	_, ok := errors.AsType[*commit.UnknownError](err)
	return ok
}

func isConflict(err error) bool {
	_, ok := errors.AsType[*commit.Conflict](err)
	return ok
}
