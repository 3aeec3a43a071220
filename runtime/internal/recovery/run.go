package recovery

import (
	"errors"
	"fmt"
	"time"

	"github.com/batpak-go/batpak/runtime/internal/catalog"
	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/compact"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/replay"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// Config is what recovery needs besides the directory.
type Config struct {
	// Cache is shared by the footers of all segments.
	Cache *sidx.Cache
	// Workers is how many files are read at a time; with 0 all is done by one goroutine,
	// and what is asked of the disk depends on the disk alone.
	Workers int
	// Elapsed tells how much time has passed, for the report; nil = it tells of none.
	Elapsed func() time.Duration
	// NewStore makes the id of a store that is created.
	NewStore func() [16]byte
}

// Result is a log that is ready for more. Everything in it is durable, but for a
// close group at its end, which the writer makes durable before it writes on.
type Result struct {
	Store        [16]byte
	Index        *catalog.Catalog // of all events
	Reader       *segment.Reader  // of all segments; the caller closes it
	Writer       *segment.Writer  // of the active segment, which is the last
	Header       format.SegmentHeader
	Digest       *chain.Segment // of the active segment up to the writer's end; nil: see Covered
	Covered      *sidx.Run      // of what the active segment begins with, which was not read; nil = all was
	NextSequence uint64
	LastID       [16]byte // zero = there is no event
	Incarnation  uint32   // the highest that wrote a group; 0 = none
	Closed       bool     // the last group is a close group
	Report       Report
}

// Report says what recovery found and did. Sizes are in bytes.
type Report struct {
	Created   bool // there was no store, or none with a sound header
	Clean     bool // the store had been closed, and nothing was written to open it
	Segments  uint64
	Indexed   uint64 // segments that were taken in by their footers, unread
	Events    uint64
	Bytes     int64  // of the log
	Rewritten int64  // at the end of the log, written again since nothing proved them durable
	Cut       int64  // of a torn tail
	Kept      int64  // of the torn tail, in the file Lost: not all if it is long or the disk full
	Lost      string // empty = there was no torn tail, or no room for any of it
	Foreign   []string
	Merge     compact.Outcome // what was done about a compaction that was under way
	// Checkpoint is the one that fitted, empty if none did, and Covered up to where it
	// spared reading the last segment. Refused says why others did not fit.
	Checkpoint string
	Covered    int64
	Refused    []string
	Unindexed  []string // why footers were not trusted, of the first few segments that were read for that
	// Checkpoints are all that there are.
	Checkpoints []string
	// Restored is how many events were taken in unread.
	Restored uint64
	Times
}

// Run brings up the log in dir, of which the caller holds the lock. It first
// reads everything, then repairs what a crash has left, and returns when all it
// has read is durable. An empty directory becomes an empty log.
//
// Errors are a [*segment.DamageError] for damage that no crash can have done, a
// [*segment.NewerError] if a later version wrote a part of the log, and in both
// cases nothing has been written, but that what a merge had staged may have got its
// name; or the disk's, wrapped, after which Run may be called again. With an error
// comes a result that has nothing but the report, as far as Run came.
func Run(dir vfs.FS, c Config) (*Result, error) {
	res := &Result{Reader: segment.NewReader(dir)}
	if err := res.run(dir, c); err != nil {
		return &Result{Report: res.Report}, errors.Join(err, res.Reader.Close())
	}
	return res, nil
}

func (res *Result) run(dir vfs.FS, c Config) error {
	parts, report := laps{elapsed: c.Elapsed}, &res.Report
	if err := planted.Skip("recovery acts on names that are not durable", dir.SyncDir); err != nil {
		return fmt.Errorf("make the directory durable: %w", err)
	}
	l := replay.New(res.Reader, c.Cache)
	l.Workers = c.Workers
	found, err := replay.List(dir)
	if err != nil {
		return l.Locate(err)
	}
	report.Foreign, report.Checkpoints = found.Foreign, found.Checkpoints
	if len(found.Foreign) > 0 {
		sometimes.Reached("directory held foreign names")
	}
	checkpoints, refused := checkpoint.Load(dir, found.Checkpoints)
	defer func() {
		for _, c := range checkpoints {
			c.Close()
		}
	}()
	report.Refused = refused
	l.Offer(checkpoints)
	settlement, err := compact.Examine(dir, found.Files)
	if err == nil {
		report.Merge = settlement.Outcome
		err = settlement.Publish()
	}
	if err != nil {
		return l.Locate(err)
	}
	l.Distrust = settlement.Rebuilds() && !planted.Bug("footers are trusted beside a merge that is under way")
	report.Listing = parts.lap()
	l.AtLast = func() { report.Sealed = parts.lap() }
	t, err := l.Read(settlement.Log, func() [16]byte {
		report.Created = true
		return c.NewStore()
	})
	report.Read(l)
	if err == nil && t.Shrunk && !planted.Bug("early end of the last segment is believed") {
		sometimes.Reached("last segment ended early when it was read")
		err = &segment.DamageError{
			Segment: l.Header.Segment, Offset: l.Length, FirstSequence: l.Next, Reason: "the file ended early when it was read",
		}
	}
	if err == nil {
		err = l.Missed(report.Created)
	}
	if err != nil {
		return err
	}
	report.Last = parts.lap()
	if report.Created && len(found.Lost) > 0 {
		return &segment.DamageError{Segment: 1, FirstSequence: 1, Reason: fmt.Sprintf("there is no sound header, but %s was cut off a segment that had one", found.Lost[0])}
	}
	report.Clean = t.Clean()
	res.Store, res.Index, res.Header, res.NextSequence = l.Header.Store, l.Index, l.Header, l.Next
	res.LastID, res.Incarnation, res.Closed = l.LastID, l.Incarnation, t.Closed
	if res.Covered = l.Covered; res.Covered == nil {
		res.Digest = l.Digest
	}
	r := repair{dir: dir, found: found, settlement: settlement, log: l, tail: t, report: report}
	for {
		if res.Writer, err = r.run(); err == nil {
			break
		}
		if !res.Reader.MakeRoom(err) {
			return err
		}
		sometimes.Reached("repair was done again with fewer open files")
	}
	res.Reader.Add(l.Header.Segment, res.Writer.File())
	report.Repair = parts.lap()
	return nil
}

// Read adds what was read of a log, if not all of it.
func (r *Report) Read(l *replay.Log) {
	r.Segments, r.Indexed, r.Unindexed = l.Files, l.Footers, l.Unindexed
	r.Events, r.Bytes, r.Restored = l.Next-1, l.Bytes, l.Restored
	r.Checkpoint, r.Refused = l.Checkpoint, append(r.Refused, l.Refused...)
	if l.Covered != nil {
		r.Covered = int64(l.Covered.Length)
	}
}
