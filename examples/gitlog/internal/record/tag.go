package record

import (
	"context"

	batpak "github.com/batpak-go/batpak/runtime"

	"github.com/batpak-go/batpak/examples/gitlog/history"
	"github.com/batpak-go/batpak/examples/gitlog/internal/git"
)

// tag adds the event of a tag that is new, or that has moved, to the batch.
func (r *recorder) tag(ctx context.Context, t *git.Tag) error {
	id := history.TagOf(r.scope, t.Name)
	target, err := r.journal.TagTarget(ctx, id)
	if err != nil || target.State.Object == history.Hash(t.Object) {
		return err
	}
	opts := []batpak.AppendOption{batpak.Expect(target.Version)}
	if t.Type == "commit" {
		o, ok, err := r.find(history.Hash(t.Target))
		if err != nil {
			return err
		}
		if ok {
			opts = append(opts, o.cause, batpak.Correlate(o.correlation))
		}
	}
	r.journal.AddTagRecorded(r.batch, id, history.TagRecorded{
		Name: t.Name, Object: history.Hash(t.Object), Annotated: t.Annotated,
		Target: history.Hash(t.Target), Type: t.Type,
		Tagger: cut(t.Tagger.Name, maxPerson), TaggedAt: t.Tagger.At, Subject: cut(t.Subject, maxSubject),
	}, opts...)
	r.bytes += overhead + len(id) + len(t.Name) + 2*len(t.Object) + len(t.Subject)
	return r.flushFull(ctx)
}
