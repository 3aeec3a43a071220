package batpak

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/recovery"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// open opens the store in the directory dir in one of the ways to do that, and tells who
// watches.
func open(dir string, o *Options, settled func(*Options) (Options, error), directory func(path string) (vfs.FS, error), begin func(*Store) error) (*Store, error) {
	options, err := settled(o)
	s := newStore(rtopts.FS(&options.Internal), options)
	if err == nil {
		err = s.openIn(dir, directory, begin)
	}
	if s.announce(err); err != nil {
		return nil, err
	}
	return s, nil
}

// openIn opens the directory, and the store that is in it.
func (s *Store) openIn(dir string, directory func(path string) (vfs.FS, error), begin func(*Store) error) (err error) {
	if s.fs == nil {
		if s.fs, err = directory(dir); err != nil {
			return fmt.Errorf("open %s: %w", dir, err)
		}
		s.fs = rtopts.Over(&s.options.Internal, s.options.mapped(s.fs))
	}
	if err = s.options.local(s.fs); err == nil {
		err = begin(s)
	}
	if err != nil && s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", dir, errors.Join(err, s.fs.Close()))
	}
	return nil
}

// announce tells who watches how opening the store has ended. If that panics, the store is
// closed, as nobody will get it.
func (s *Store) announce(err error) {
	if s.options.OnOpen == nil {
		return
	}
	over := err != nil
	defer func() {
		if !over && !planted.Bug("store stays open that nobody has got") {
			_ = s.Close()
		}
	}()
	s.options.OnOpen(s.Report(), err)
	over = true
}

// OpenReport says what opening a store found and did; if that failed, by then.
type OpenReport struct {
	// Created is true if there was no store, or none whose header was sound.
	Created bool
	// Clean is true if the store was closed properly before; nothing was written
	// to open it.
	Clean bool
	// Segments is how many files of the log were taken in, in its order. Where opening failed,
	// the last one may have been only in part.
	Segments uint64
	// Indexed is how many of the segments were not read, since their footers say what
	// is in them. The others were read, whole but for what a checkpoint covers.
	Indexed uint64
	// Unindexed says of the first hundred segments that others follow and that were read why
	// their footers would not do.
	Unindexed []string
	// Checkpoint names the file that says what the last segment begins with, so that of
	// this one only what lies behind the first Covered bytes was read; it is empty if
	// there was none that fits. Refused says of those that did not fit why.
	Checkpoint string
	Covered    int64
	Refused    []string
	Events     uint64
	Bytes      int64 // of the log
	// Rewritten is how many bytes at the end, not known to be durable, were
	// written again and synced.
	Rewritten int64
	// Cut is how many bytes of a write that a crash interrupted were cut off the
	// end of the log, after Kept of them were kept in the file Lost: all, unless
	// they are more than 64 MiB or the disk is full.
	Cut  int64
	Kept int64
	Lost string
	// Unproven is how many events at the end of a store that is open for reading
	// alone nothing proves to be on disk. They are shown if
	// [Options.ShowUnsynced] asks for them. Beside a writer there are always some.
	Unproven uint64
	// Torn is how many bytes at the end of a store that is open for reading alone
	// are no event: a write that a crash interrupted, or one that is under way. They
	// were left alone.
	Torn int64
	// Gaps are the places of a store that was opened with [Options.Salvage] which
	// hold nothing sound, in the order of the log; none in a sound store.
	Gaps []Gap
	// Merge is what the opening did about a merge of segments that was under way: it
	// was "finished" or "undone", or what it was is "unknown", as the note of it was
	// damaged, and the files themselves told what the log is. Empty means that there
	// was none. Where there was one, no footer and no checkpoint was trusted.
	Merge string
	// Foreign are names in the directory that are not the store's. They are left
	// alone.
	Foreign []string
	// Restored is how many of the events were taken in as footers and a checkpoint tell of
	// them; the others were read.
	Restored uint64
	Took     time.Duration // once the lock was held
	// Of a store that is open for writing, TookList, TookSealed, TookLast and TookRepair are
	// what of that it took to find out what there is, to take in the segments that others
	// follow, and the last one, and to make its end durable.
	TookList, TookSealed, TookLast, TookRepair time.Duration
}

func openReport(r *recovery.Report) OpenReport {
	return OpenReport{
		Created: r.Created, Clean: r.Clean, Segments: r.Segments, Indexed: r.Indexed, Unindexed: r.Unindexed, Events: r.Events, Bytes: r.Bytes,
		Rewritten: r.Rewritten, Cut: r.Cut, Kept: r.Kept, Lost: r.Lost, Merge: r.Merge.String(), Foreign: r.Foreign,
		Checkpoint: r.Checkpoint, Covered: r.Covered, Refused: r.Refused, Restored: r.Restored,
		TookList: r.Listing, TookSealed: r.Sealed, TookLast: r.Last, TookRepair: r.Repair,
	}
}

// Report says what opening the store found and did. It is the caller's.
func (s *Store) Report() OpenReport {
	r := s.opened
	r.Unindexed, r.Refused = slices.Clone(r.Unindexed), slices.Clone(r.Refused)
	r.Gaps, r.Foreign = slices.Clone(r.Gaps), slices.Clone(r.Foreign)
	for i := range r.Gaps {
		r.Gaps[i].Streams = slices.Clone(r.Gaps[i].Streams)
	}
	return r
}
