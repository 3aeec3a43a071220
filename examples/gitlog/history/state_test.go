package history_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/examples/gitlog/history"
)

func day(n int) time.Time { return time.Date(2020, 1, n, 0, 0, 0, 0, time.UTC) }

func TestAuthorship(t *testing.T) {
	j := journal(t)
	for _, e := range []history.CommitAuthored{
		{Name: "A.", At: day(5), Files: 1, Added: 10, Deleted: 2},
		{Name: "Ann", At: day(7), Merge: true},
		{Name: "a", At: day(3), Files: 2, Added: 1},
	} {
		if _, err := j.AppendCommitAuthored(t.Context(), "ann", e); err != nil {
			t.Fatal(err)
		}
	}
	got, err := j.Authorship(t.Context(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	want := history.Authorship{
		Name: "Ann", Commits: 3, Merges: 1, Files: 3, Added: 11, Deleted: 2, First: day(3), Last: day(7),
	}
	if diff := cmp.Diff(want, got.State); diff != "" || got.Version != 3 {
		t.Errorf("Authorship at version %d (-want +got):\n%s", got.Version, diff)
	}
}

func TestFileStates(t *testing.T) {
	j := journal(t)
	id := history.FileOf("repo", []byte("new"))
	for _, e := range []history.FileTouched{
		{Path: []byte("new"), From: []byte("old"), Added: 1},
		{Path: []byte("new"), Added: 3, Deleted: 2},
		{Path: []byte("new"), Uncounted: true},
	} {
		if _, err := j.AppendFileTouched(t.Context(), id, e); err != nil {
			t.Fatal(err)
		}
	}
	churn, err := j.Churn(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(history.Churn{Path: []byte("new"), Changes: 3, Added: 4, Deleted: 2}, churn.State); diff != "" {
		t.Errorf("Churn (-want +got):\n%s", diff)
	}
	if got := churn.State.Lines(); got != 6 {
		t.Errorf("Lines() = %d, want 6", got)
	}
	h, err := j.FileHistory(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	want := history.FileHistory{Changes: []history.FileChange{{From: []byte("old"), Added: 1}, {Added: 3, Deleted: 2}, {}}}
	if diff := cmp.Diff(want, h.State); diff != "" {
		t.Errorf("FileHistory (-want +got):\n%s", diff)
	}
}

func TestTagTarget(t *testing.T) {
	j := journal(t)
	for _, object := range []history.Hash{"one", "two", "one"} {
		if _, err := j.AppendTagRecorded(t.Context(), "repo:v1", history.TagRecorded{Object: object}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := j.TagTarget(t.Context(), "repo:v1")
	if want := (history.TagTarget{Object: "one", Moves: 2}); err != nil || got.State != want {
		t.Errorf("TagTarget = %+v, %v, want %+v", got.State, err, want)
	}
}
