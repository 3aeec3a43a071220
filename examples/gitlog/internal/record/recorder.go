package record

import (
	"context"
	"errors"
	"fmt"

	batpak "github.com/batpak-go/batpak/runtime"

	"github.com/batpak-go/batpak/examples/gitlog/history"
)

// When a batch is committed. What one commit or tag adds beyond that is bounded
// by maxFiles and maxPaths, so that a batch stays within the store's limits.
const (
	batchEvents = 4096
	batchBytes  = 1 << 20
)

// recorder gathers the events of commits and tags into batches.
type recorder struct {
	journal  *history.Journal
	store    *batpak.Store
	scope    string
	progress func(Progress)
	done     Progress

	// The batch, and what is in it:
	batch   *batpak.Batch
	bytes   int // of names and payloads, roughly
	commits int
	pending map[history.Hash]origin
}

// origin is the event that records a commit, for the events it causes.
type origin struct {
	cause       batpak.AppendOption
	correlation batpak.ID
}

// begin makes an empty batch.
func (r *recorder) begin() {
	r.batch, r.bytes, r.commits = r.store.NewBatch(), 0, 0
	r.pending = map[history.Hash]origin{}
}

// flush commits the batch.
func (r *recorder) flush(ctx context.Context) error {
	if r.batch.Len() == 0 {
		return nil
	}
	receipts, err := r.batch.Commit(ctx)
	if err != nil {
		return fmt.Errorf("commit a batch: %w", err)
	}
	r.done.Appended += uint64(len(receipts))
	r.done.Recorded += r.commits
	r.progress(r.done)
	r.begin()
	return nil
}

// flushFull commits the batch if it has grown enough.
func (r *recorder) flushFull(ctx context.Context) error {
	if r.batch.Len() < batchEvents && r.bytes < batchBytes {
		return nil
	}
	return r.flush(ctx)
}

// find returns the event that records a commit, in the batch or in the log.
func (r *recorder) find(h history.Hash) (origin, bool, error) {
	if o, ok := r.pending[h]; ok {
		return o, true, nil
	}
	e, err := r.store.ByKey(history.CommitKey(r.scope, h))
	if errors.Is(err, batpak.ErrNotFound) {
		return origin{}, false, nil
	}
	if err != nil {
		return origin{}, false, fmt.Errorf("look for commit %s: %w", h, err)
	}
	return origin{cause: batpak.CausedBy(e.ID), correlation: e.Correlation}, true, nil
}
