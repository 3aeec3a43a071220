package report

import (
	"context"
	"errors"
	"slices"
	"strings"

	batpak "github.com/batpak-go/batpak/runtime"

	"github.com/batpak-go/batpak/examples/gitlog/history"
)

// fileHistory is the history of the file with the given churn, or nil for nil.
func fileHistory(ctx context.Context, j *history.Journal, scope string, churn *history.Churn) (*File, error) {
	if churn == nil {
		return nil, nil
	}
	h, err := j.FileHistory(ctx, history.FileOf(scope, churn.Path))
	if err != nil {
		return nil, err
	}
	f := &File{
		Path: string(churn.Path), Changes: uint64(len(h.State.Changes)),
		Added: churn.Added, Deleted: churn.Deleted,
	}
	latest := h.State.Changes[max(0, len(h.State.Changes)-latestChanges):]
	for _, c := range slices.Backward(latest) {
		e, err := j.Store().Get(c.Cause)
		if err != nil {
			return nil, err
		}
		commit, err := history.DecodeCommitRecorded(e)
		if err != nil {
			return nil, err
		}
		f.Latest = append(f.Latest, Change{
			Commit: hash(e), At: commit.Payload.CommittedAt, Subject: commit.Payload.Subject,
			Added: c.Added, Deleted: c.Deleted,
		})
	}
	return f, nil
}

// lineage walks from the event of commit head to its root, and from there to
// everything that the root led to. It is nil if head is not in the log.
func lineage(ctx context.Context, s *batpak.Store, scope, head string) (*Lineage, error) {
	e, err := s.ByKey(history.CommitKey(scope, history.Hash(head)))
	if errors.Is(err, batpak.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	l := &Lineage{Head: head, Length: 1}
	root := e
	for cause, err := range s.Causes(e.ID) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		l.Length++
		root = cause
	}
	l.Root = hash(root)
	for _, err := range s.Effects(root.ID) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		if l.Effects == maxEffects {
			l.Clipped = true
			break
		}
		l.Effects++
	}
	return l, nil
}

// hash is the commit that an event of a commit's stream is about.
func hash(e batpak.Event) string { return strings.TrimPrefix(e.Entity, "commit:") }
