package batpak

import (
	"crypto/rand"
	randv2 "math/rand/v2"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/mapfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/mount"
)

// The defaults of [Options], and the limits they may be set to.
const (
	DefaultSegmentSize = 64 << 20
	MinSegmentSize     = 512
	MaxSegmentSize     = 1 << 30

	DefaultMaxPayload = 1 << 20
	DefaultMaxBatch   = 16 << 20
	MaxMaxBatch       = 256 << 20

	DefaultIndexCache = 64 << 20

	// MaxBatchEvents is how many events a batch may hold.
	MaxBatchEvents = 1 << 16
)

// Durability says when an append returns.
type Durability int

const (
	// Synced: an append returns when its events, and the name of the file that
	// holds them, are on disk. It is the default.
	Synced Durability = iota
	// Relaxed: an append returns when its events are handed to the operating
	// system; a kill of the process loses none, a power cut may lose the newest.
	// They become durable with [Store.Sync], when a segment is full, and with
	// [Store.Close]. Receipts say Durable() == false until then. The first append
	// after opening the store waits until it is on disk.
	Relaxed
)

// Options are the settings of a store. The zero value, or a nil pointer, means
// the defaults.
type Options struct {
	// SegmentSize is how many bytes a segment file may have, unless one write needs
	// more; the next write then begins another. 0 means DefaultSegmentSize;
	// MinSegmentSize to MaxSegmentSize. It may differ from one opening to the next.
	SegmentSize int64

	// MaxPayload is the largest payload in bytes that an append accepts. 0 means
	// DefaultMaxPayload, or MaxBatch if that is less; at most MaxBatch.
	MaxPayload int

	// MaxBatch is the largest batch of several events in bytes: names, keys and
	// payloads together. 0 means DefaultMaxBatch; at most MaxMaxBatch.
	MaxBatch int

	// Durability says when an append returns.
	Durability Durability

	// ShowUnsynced lets readers of a Relaxed store, or of one that is opened with
	// [OpenReadOnly], see events that are not yet durable, and that a power cut may
	// still take back.
	ShowUnsynced bool

	// Salvage lets [OpenReadOnly] open a store that is damaged, and show what is
	// still sound: every event whose group has its place and its checksums, and
	// which follows from the event before it in its stream, unless that one is lost.
	// [OpenReport.Gaps] names every place that holds nothing sound, and the events
	// that are lost there: each event that was acknowledged is shown, as it was
	// stored and under its sequence, or lies in a gap. Like ShowUnsynced, it shows
	// what a crash may have left unsynced at the end, and keeps writers out.
	//
	// What follows a gap is not proven by a chain that reaches back to its stream's
	// first event: such events have [Meta.Unproven], and [Store.Verify] names the
	// place. A gap may have taken the newest events of any stream without a trace in
	// it, so projections and gates fail in a store with one; [Store.Ancestors] ends
	// at it. Some damage nothing can tell: a last segment file that is gone, or
	// whose end is zeros as before it was written; and a group of an older history
	// in the place of a younger one, sound by itself, if no later event of its
	// streams contradicts it. Such a group can be shown, and a later one then be
	// left out as one that does not follow; and a payload in which somebody who knew
	// the store's id and the place it would have wrote down a group that looks
	// sound, if the header of the group around it is damaged. A file that the disk
	// refuses to read ends opening with the disk's error: copy what can be read of
	// it first.
	Salvage bool
	// IndexCache is how many bytes of memory the index of sealed segments may take,
	// which is read from their footers as it is needed. 0 means DefaultIndexCache;
	// less than 64 KiB is taken for 64 KiB, more than 64 GiB for 64 GiB. A store that is
	// appended to with keys, or to new entities, takes up to half as much again, to tell
	// those that are new from all that it has: a byte and a half to six for each key.
	IndexCache int64

	// Unmapped keeps files from being read through mappings into memory, as they are on
	// 64-bit Linux and macOS, once they are read often, if they are on a disk of this
	// machine. Through a mapping, what is in memory is read at a quarter of the cost; what
	// is not holds up a processor, and with it other goroutines, until the disk has
	// answered. Either way the same is checked, and a file that is cut off is an error of the
	// store, not the end of the process. Mappings take addresses, as many as the files have
	// bytes: a process that has a limit on these (RLIMIT_AS) needs them for its heap.
	Unmapped bool

	// AllowNetworkFS lets a store be opened in a directory on NFS, SMB, FUSE, Ceph or
	// AFS, or, on macOS, on any that is not of this machine; other systems do not tell.
	// There, it takes the word of whoever answers that a lock keeps out the processes
	// of all machines, and that what was synced is on a disk. Without it, opening fails
	// with [ErrNetworkFS].
	AllowNetworkFS bool

	// Compaction makes the store merge its segments by itself, in the background. Nil
	// leaves that to [Store.Compact]: without a retention next to nothing is gained by a
	// merge but fewer files, which a store of some hundred segments hardly feels; and it
	// writes each event anew once or twice, takes up to 1 GiB of space while it lasts,
	// makes the store one of format version 2, and has readers beside the writer look
	// for their files again ([ErrCompacted]).
	Compaction *Compaction

	// OnOpen is told how opening the store has ended: with what it found and did, which is
	// [Store.Report], and nil, or with the error that is returned and the report as far as it
	// came. It is called once by each [Open] and [OpenReadOnly], and so by [Restore], whatever
	// they return, by the goroutine that called them and just before they return. By then a
	// store that was not opened has let go of its directory. If OnOpen panics, so does its
	// caller, and the store is closed.
	OnOpen func(report OpenReport, err error)

	// Internal is for tests of this module.
	Internal rtopts.Store
}

// settled returns o with the defaults filled in, or what is wrong with it.
func (o *Options) settled() (Options, error) {
	var s Options
	if o != nil {
		s = *o
	}
	if s.SegmentSize == 0 {
		s.SegmentSize = DefaultSegmentSize
	}
	if s.MaxBatch == 0 {
		s.MaxBatch = DefaultMaxBatch
	}
	if s.MaxPayload == 0 {
		s.MaxPayload = min(DefaultMaxPayload, s.MaxBatch)
	}
	if s.IndexCache == 0 {
		s.IndexCache = DefaultIndexCache
	}
	if s.Compaction != nil {
		c := *s.Compaction
		if c.Rate == 0 {
			c.Rate = DefaultCompactionRate
		}
		s.Compaction = &c
	}
	switch {
	case s.Compaction != nil && s.Compaction.Rate < 0:
		return s, &ArgumentError{What: "Options.Compaction.Rate", Reason: "must not be negative"}
	case s.IndexCache < 0:
		return s, &ArgumentError{What: "Options.IndexCache", Reason: "must not be negative"}
	case s.SegmentSize < MinSegmentSize || s.SegmentSize > MaxSegmentSize:
		return s, &ArgumentError{What: "Options.SegmentSize", Reason: "must be 512 bytes to 1 GiB"}
	case s.MaxBatch < 0 || s.MaxBatch > MaxMaxBatch:
		return s, &ArgumentError{What: "Options.MaxBatch", Reason: "must be 1 byte to 256 MiB"}
	case s.MaxPayload < 0 || s.MaxPayload > s.MaxBatch:
		return s, &ArgumentError{What: "Options.MaxPayload", Reason: "must be 1 byte to MaxBatch"}
	case s.Durability != Synced && s.Durability != Relaxed:
		return s, &ArgumentError{What: "Options.Durability", Reason: "must be Synced or Relaxed"}
	case s.Salvage:
		return s, &ArgumentError{What: "Options.Salvage", Reason: "is for OpenReadOnly: a damaged store is not written to"}
	case s.ShowUnsynced && s.Durability != Relaxed:
		return s, &ArgumentError{What: "Options.ShowUnsynced", Reason: "needs Durability: Relaxed"}
	}
	return s, nil
}

// settledForReading is settled for a store that is open for reading alone, in which
// only what is shown matters.
func (o *Options) settledForReading() (Options, error) {
	var s Options
	if o != nil {
		s = *o
		s.ShowUnsynced, s.Salvage = false, false
	}
	s, err := s.settled()
	s.Durability = Synced
	if o != nil {
		s.ShowUnsynced, s.Salvage = o.ShowUnsynced || o.Salvage, o.Salvage
	}
	return s, err
}

// local fails if the directory is not of this machine, and has to be.
func (o *Options) local(d vfs.FS) error {
	if o.AllowNetworkFS {
		return nil
	}
	kind, err := mount.Of(d)
	if err == nil && kind != "" && kind != mount.Plan9 {
		err = &NetworkFSError{Kind: kind}
	}
	return err
}

// mapped is the directory as it is to be read.
func (o *Options) mapped(d vfs.FS) vfs.FS {
	if !o.Unmapped && mapfs.Suits() {
		if kind, err := mount.Of(d); err == nil && kind == "" { // nobody else promises that a mapping shows what was written
			return mapfs.New(d)
		}
	}
	return d
}

// random is the source of the random bits of event ids: ChaCha8, seeded by the
// operating system. They need to be unlikely to meet, not hard to guess.
func (o *Options) random() func([]byte) {
	if r := rtopts.Random(&o.Internal); r != nil {
		return r
	}
	var seed [32]byte
	rand.Read(seed[:])
	c := randv2.NewChaCha8(seed)
	return func(p []byte) { c.Read(p) }
}

// Bytes that a segment needs beyond its largest group stay within the format.
const _ = uint(format.MaxSegment - MaxSegmentSize - 2*MaxMaxBatch)
