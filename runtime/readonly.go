package batpak

import (
	"context"
	"errors"

	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/frontier"
	"github.com/batpak-go/batpak/runtime/internal/recovery"
	"github.com/batpak-go/batpak/runtime/internal/replay"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// OpenReadOnly opens the store in the directory dir for reading alone, beside any
// number of other readers, and beside a writer of this or another process, which
// may come and go. It changes nothing in the directory, needs no right to, and
// keeps nobody out. What would append fails with [ErrReadOnly].
//
// It shows what the files prove to be on disk: all of a store that was closed. Of
// one that is written to, or whose writer died, the newest appends are not proven,
// those that were synced together last: it takes the next ones, or closing the
// store, for the files to say so. [OpenReport.Unproven] counts them, and
// [Store.Refresh] shows what was proven since.
//
// With [Options.ShowUnsynced] it shows whatever can be read, and keeps writers out
// until it is closed, as one could take it back. It fails with [ErrLocked] if there
// is one.
//
// With [Options.Salvage] it opens a damaged store and shows what is still sound.
//
// Its errors are otherwise those of [Open], and [io/fs.ErrNotExist] if there is no
// store.
func OpenReadOnly(dir string, o *Options) (*Store, error) {
	return open(dir, o, (*Options).settledForReading, vfs.OpenDirReadOnly, (*Store).beginReading)
}

// beginReading opens the store for reading alone.
func (s *Store) beginReading() (err error) {
	s.refreshing = make(chan struct{}, 1)
	elapsed := clock.Start()
	if s.options.ShowUnsynced {
		if s.lock, err = s.fs.Lock(vfs.Shared); err != nil {
			return locked(err)
		}
		elapsed = clock.Start()
	}
	s.cache, s.segments = sidx.NewCache(s.options.IndexCache), segment.NewReader(s.fs)
	look := s.look
	if s.options.Salvage {
		look = s.salvage
	}
	err = look()
	s.opened.Took = elapsed()
	if err != nil {
		return errors.Join(s.outward(err, 0), s.segments.Close())
	}
	return nil
}

// look reads the log for the first time.
func (s *Store) look() error {
	found, err := replay.List(s.fs)
	if err != nil {
		return replay.New(s.segments, s.cache).Locate(err)
	}
	checkpoints, refused := checkpoint.Load(s.fs, found.Checkpoints)
	defer func() {
		for _, c := range checkpoints {
			c.Close()
		}
	}()
	log, tail, durable := (*replay.Log)(nil), (*replay.Tail)(nil), uint64(0)
	if s.options.ShowUnsynced {
		log = replay.New(s.segments, s.cache)
		log.Workers, log.Distrust = s.workers(), found.Merging
		log.Offer(checkpoints)
		if tail, err = log.Read(found.Log, nil); err == nil {
			err = log.Missed(false)
		}
		durable = log.Proven()
	} else {
		f := replay.Follow(s.segments, s.cache)
		f.Distrust = found.Merging
		f.Offer(checkpoints)
		err = f.Read(context.Background())
		f.Offer(nil)
		log, tail, durable = f.Log, f.Tail(), f.Next-1
		s.follower = f
	}
	report := recovery.Report{Foreign: found.Foreign, Refused: refused}
	report.Read(log)
	s.opened = openReport(&report)
	if err != nil {
		return err
	}
	s.opened.Clean, s.opened.Torn, s.opened.Unproven = tail.Clean(), tail.Rest-tail.End, log.Next-1-durable
	if s.follower != nil {
		s.opened.Unproven = s.follower.Unproven()
	}
	s.index, s.id, s.seed = log.Index, log.Header.Store, format.RecordSeed(log.Header.Store)
	s.frontier = frontier.New(durable)
	s.frontier.Advance(frontier.Written, log.Next-1)
	s.frontier.Advance(frontier.Visible, log.Next-1)
	return nil
}

// Refresh shows what has become durable since a store that is open for reading was
// opened or refreshed. The context ends it between two segments. In a store that
// keeps writers out, or is the writer, there is nothing to do. When it fails, the
// store shows what it showed before, and Refresh may be called again.
func (s *Store) Refresh(ctx context.Context) error {
	if err := s.alive(); err != nil {
		return err
	}
	if s.follower == nil {
		return nil
	}
	select {
	case s.refreshing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.refreshing }()
	if err := s.follower.Read(ctx); err != nil {
		return s.outward(err, 0)
	}
	last := s.follower.Next - 1
	s.frontier.Advance(frontier.Written, last)
	s.frontier.Advance(frontier.Durable, last)
	s.frontier.Advance(frontier.Visible, last)
	return nil
}
