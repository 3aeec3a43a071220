package batpak

import (
	"crypto/rand"
	randv2 "math/rand/v2"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
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
	// [Store.Close]. Receipts say Durable() == false until then.
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

	// ShowUnsynced lets readers of a Relaxed store see events that are not yet
	// durable, and that a power cut may still take back.
	ShowUnsynced bool

	// IndexCache is how many bytes of memory the index of sealed segments may take,
	// which is read from their footers as it is needed. 0 means DefaultIndexCache;
	// less than 64 KiB is taken for 64 KiB.
	IndexCache int64

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
	switch {
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
	case s.ShowUnsynced && s.Durability != Relaxed:
		return s, &ArgumentError{What: "Options.ShowUnsynced", Reason: "needs Durability: Relaxed"}
	}
	return s, nil
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
