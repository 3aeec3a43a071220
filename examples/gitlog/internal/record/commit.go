package record

import (
	"context"
	"strings"
	"unicode/utf8"

	batpak "github.com/batpak-go/batpak/runtime"

	"github.com/batpak-go/batpak/examples/gitlog/history"
	"github.com/batpak-go/batpak/examples/gitlog/internal/git"
)

// A commit that changes more files than maxFiles, or files whose paths have
// more bytes than maxPaths in all, gets one event for all of them.
const (
	maxFiles = 2048
	maxPaths = 1 << 20
)

const (
	maxSubject = 1 << 10 // bytes of a subject that are kept
	maxPerson  = 1 << 8  // bytes of a person's name that are kept
	overhead   = 128     // bytes of an event beyond names and texts, roughly
)

// commit adds the events of a commit to the batch.
func (r *recorder) commit(ctx context.Context, c *git.Commit) error {
	id := history.Hash(c.Hash)
	parents, err := r.parents(c)
	if err != nil {
		return err
	}
	correlation := parents.correlation
	if correlation.IsZero() {
		if correlation, err = r.root(ctx, id, c.Boundary); err != nil {
			return err
		}
	}
	sum := sumOf(c.Changes)
	permit, err := r.journal.ProposeRecordCommit(ctx, id, recorded(c, sum), parents.recorded, parents.beyond)
	if err != nil {
		return err
	}
	opts := append(parents.cause, batpak.Correlate(correlation), batpak.Key(history.CommitKey(r.scope, id)))
	item := r.journal.AddRecordCommit(r.batch, permit, opts...)
	r.pending[id] = origin{cause: batpak.CausedByItem(item), correlation: correlation}
	r.bytes += overhead + 2*len(c.Hash) + len(c.Subject)

	r.effects(c, sum, batpak.CausedByItem(item), batpak.Correlate(correlation))
	r.commits++
	return r.flushFull(ctx)
}

// effects adds the events that a commit causes: its author's share, and its
// files.
func (r *recorder) effects(c *git.Commit, sum history.FilesSwept, opts ...batpak.AppendOption) {
	author := history.AuthorOf(c.Author.Mail, c.Author.Name)
	r.journal.AddCommitAuthored(r.batch, author, history.CommitAuthored{
		Name: cut(c.Author.Name, maxPerson), At: c.Author.At, Merge: len(c.Parents) > 1,
		Files: sum.Files, Added: sum.Added, Deleted: sum.Deleted,
	}, opts...)
	r.bytes += overhead + len(author) + len(c.Author.Name)
	if tooMany(c.Changes) {
		sum.Directories = directories(c.Changes)
		r.journal.AddFilesSwept(r.batch, history.Hash(c.Hash), sum, opts...)
		return
	}
	for i := range c.Changes {
		f := &c.Changes[i]
		id := history.FileOf(r.scope, f.Path)
		r.journal.AddFileTouched(r.batch, id, history.FileTouched{
			Path: f.Path, From: f.From, Added: f.Added, Deleted: f.Deleted, Uncounted: f.Uncounted,
		}, opts...)
		r.bytes += overhead + len(id) + len(f.Path) + len(f.From)
	}
}

// parents is what the log has of a commit's parents.
type parents struct {
	recorded    []history.Hash
	beyond      []history.Hash
	cause       []batpak.AppendOption // the event of the first parent, if it is recorded
	correlation batpak.ID             // of the first parent that is recorded
}

func (r *recorder) parents(c *git.Commit) (parents, error) {
	var p parents
	for i, parent := range c.Parents {
		h := history.Hash(parent)
		o, ok, err := r.find(h)
		switch {
		case err != nil:
			return parents{}, err
		case !ok && c.Boundary:
			p.beyond = append(p.beyond, h)
		case ok:
			p.recorded = append(p.recorded, h)
			if p.correlation.IsZero() {
				p.correlation = o.correlation
			}
			if i == 0 {
				p.cause = append(p.cause, o.cause)
			}
		}
	}
	return p, nil
}

// root records, at once, that a line of history begins with a commit.
func (r *recorder) root(ctx context.Context, id history.Hash, shallow bool) (batpak.ID, error) {
	before, err := r.store.Head(r.journal.CommitCoordinate(id).Entity)
	if err != nil {
		return batpak.ID{}, err
	}
	receipt, err := r.journal.AppendHistoryBegun(ctx, id, history.HistoryBegun{Shallow: shallow},
		batpak.Key(history.RootKey(r.scope, id)))
	if err != nil {
		return batpak.ID{}, err
	}
	if receipt.Version() > before {
		r.done.Appended++
	}
	return receipt.ID(), nil
}

// recorded is the payload of a commit's event.
func recorded(c *git.Commit, sum history.FilesSwept) history.CommitRecorded {
	e := history.CommitRecorded{
		Author:     history.AuthorOf(c.Author.Mail, c.Author.Name),
		AuthoredAt: c.Author.At, CommittedAt: c.Committed,
		Subject: cut(c.Subject, maxSubject),
		Files:   sum.Files, Added: sum.Added, Deleted: sum.Deleted,
	}
	for _, p := range c.Parents {
		e.Parents = append(e.Parents, history.Hash(p))
	}
	return e
}

// cut shortens s to at most limit bytes, between characters.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	const dots = "…"
	end := limit - len(dots)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return strings.TrimRight(s[:end], " ") + dots
}
