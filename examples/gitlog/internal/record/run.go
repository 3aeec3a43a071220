package record

import (
	"context"
	"errors"
	"fmt"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"

	"github.com/batpak-go/batpak/examples/gitlog/history"
	"github.com/batpak-go/batpak/examples/gitlog/internal/git"
)

// Result is what a run found and did.
type Result struct {
	Commits  int           // of the repository
	Recorded int           // commits that were appended
	Tags     int           // of the repository
	Appended uint64        // events
	Took     time.Duration // from the first look at the repository to the last append
	Reading  time.Duration // of that, waiting for git to compare commits
}

// Progress is how far a run has come.
type Progress struct {
	Recorded int // commits appended in this run
	Fresh    int // commits that this run has to append
	Appended uint64
}

// Run appends to the journal, whose scope is that of the repository, what it
// does not have of the repository. After each batch it calls progress.
//
// It returns what it did even when it fails. Errors are those of git, those of
// the store, and a [*batpak.DeniedError] if a gate refuses a commit. When ctx
// ends, nothing is lost but the time of the last batch.
func Run(ctx context.Context, j *history.Journal, scope string, repo *git.Repository, progress func(Progress)) (Result, error) {
	start := time.Now()
	r := &recorder{journal: j.In(scope), store: j.Store(), scope: scope, progress: progress}
	r.begin()
	result, err := r.run(ctx, repo)
	result.Recorded, result.Appended, result.Took = r.done.Recorded, r.done.Appended, time.Since(start)
	return result, err
}

func (r *recorder) run(ctx context.Context, repo *git.Repository) (Result, error) {
	hashes, err := repo.Commits(ctx)
	if err != nil {
		return Result{}, err
	}
	result := Result{Commits: len(hashes)}
	fresh, err := r.fresh(ctx, hashes)
	if err != nil {
		return result, err
	}
	r.done.Fresh = len(fresh)
	waiting := time.Now()
	for c, err := range repo.Read(ctx, fresh) {
		result.Reading += time.Since(waiting)
		if err != nil {
			return result, err
		}
		if err := r.commit(ctx, &c); err != nil {
			return result, fmt.Errorf("record commit %s: %w", c.Hash, err)
		}
		waiting = time.Now()
	}
	tags, err := repo.Tags(ctx)
	if err != nil {
		return result, err
	}
	result.Tags = len(tags)
	for i := range tags {
		if err := r.tag(ctx, &tags[i]); err != nil {
			return result, fmt.Errorf("record tag %q: %w", tags[i].Name, err)
		}
	}
	return result, r.flush(ctx)
}

// fresh are the hashes of the commits that the log does not have.
func (r *recorder) fresh(ctx context.Context, hashes []string) ([]string, error) {
	var fresh []string
	for _, h := range hashes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		_, err := r.store.ByKey(history.CommitKey(r.scope, history.Hash(h)))
		switch {
		case errors.Is(err, batpak.ErrNotFound):
			fresh = append(fresh, h)
		case err != nil:
			return nil, fmt.Errorf("look for commit %s: %w", h, err)
		}
	}
	return fresh, nil
}
