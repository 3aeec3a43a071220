package report

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"

	batpak "github.com/batpak-go/batpak/runtime"

	"github.com/batpak-go/batpak/examples/gitlog/history"
)

// tally folds the events of a scope, each into the state of its entity.
type tally struct {
	counts      Counts
	authors     map[string]*history.Authorship // by entity
	files       map[string]*history.Churn      // by entity
	directories map[string]*Directory          // what was swept; files are added at the end
}

func newTally() *tally {
	return &tally{
		authors:     map[string]*history.Authorship{},
		files:       map[string]*history.Churn{},
		directories: map[string]*Directory{},
	}
}

// at returns m[key], which it makes if there is none.
func at[V any](m map[string]*V, key string) *V {
	v, ok := m[key]
	if !ok {
		v = new(V)
		m[key] = v
	}
	return v
}

// add folds the next event.
func (t *tally) add(e batpak.Event) error {
	switch e.Kind {
	case history.KindHistoryBegun:
		t.counts.Roots++
	case history.KindCommitRecorded:
		t.counts.Commits++
	case history.KindTagRecorded:
		t.counts.TagMoves++
	case history.KindCommitAuthored:
		return history.FoldAuthorship(at(t.authors, e.Entity), e)
	case history.KindFileTouched:
		t.counts.FileChanges++
		return history.FoldChurn(at(t.files, e.Entity), e)
	case history.KindFilesSwept:
		return t.sweep(e)
	}
	return nil
}

// sweep adds what a commit changed without an event for each file.
func (t *tally) sweep(e batpak.Event) error {
	swept, err := history.DecodeFilesSwept(e)
	if err != nil {
		return err
	}
	t.counts.Sweeps++
	t.counts.FileChanges += swept.Payload.Files
	for _, d := range swept.Payload.Directories {
		row := at(t.directories, string(d.Directory))
		row.Changes += d.Files
		row.Added += d.Added
		row.Deleted += d.Deleted
	}
	return nil
}

// finish completes the counts, and adds the files to their directories.
func (t *tally) finish() {
	t.counts.Authors = uint64(len(t.authors))
	t.counts.Files = uint64(len(t.files))
	for _, a := range t.authors {
		t.counts.Merges += a.Merges
	}
	for _, f := range t.files {
		row := at(t.directories, string(history.TopDirectory(f.Path)))
		row.Changes += f.Changes
		row.Added += f.Added
		row.Deleted += f.Deleted
	}
}

// topAuthors are the n authors with the most commits.
func (t *tally) topAuthors(n int) []Author {
	ids := slices.SortedFunc(maps.Keys(t.authors), func(a, b string) int {
		return cmp.Or(cmp.Compare(t.authors[b].Commits, t.authors[a].Commits), cmp.Compare(a, b))
	})
	top := make([]Author, 0, n)
	for _, id := range ids[:min(n, len(ids))] {
		a := t.authors[id]
		top = append(top, Author{
			ID: strings.TrimPrefix(id, "author:"), Name: a.Name,
			Commits: a.Commits, Merges: a.Merges, Added: a.Added, Deleted: a.Deleted,
			First: a.First, Last: a.Last,
		})
	}
	return top
}

// topDirectories are the n top-level directories with the most changed lines.
func (t *tally) topDirectories(n int) []Directory {
	lines := func(name string) uint64 { return t.directories[name].Added + t.directories[name].Deleted }
	names := slices.SortedFunc(maps.Keys(t.directories), func(a, b string) int {
		return cmp.Or(cmp.Compare(lines(b), lines(a)), cmp.Compare(a, b))
	})
	top := make([]Directory, 0, n)
	for _, name := range names[:min(n, len(names))] {
		d := *t.directories[name]
		d.Name = cmp.Or(name, "(others)")
		top = append(top, d)
	}
	return top
}

// mostChanged is the churn of the file that most commits touched, or nil.
func (t *tally) mostChanged() *history.Churn {
	var most *history.Churn
	for _, f := range t.files {
		if most == nil || cmp.Or(cmp.Compare(f.Changes, most.Changes), cmp.Compare(f.Lines(), most.Lines()), bytes.Compare(most.Path, f.Path)) > 0 {
			most = f
		}
	}
	return most
}
