package report_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/batpaktest"

	"github.com/batpak-go/batpak/examples/gitlog/history"
	"github.com/batpak-go/batpak/examples/gitlog/internal/report"
)

func journal(t *testing.T) *history.Journal {
	t.Helper()
	s, err := batpaktest.OpenDir(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	j, err := history.Bind(s)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// must fails the test on an error of an append.
func must(t *testing.T) func(batpak.Receipt, error) batpak.Receipt {
	return func(r batpak.Receipt, err error) batpak.Receipt {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

func collect(t *testing.T, j *history.Journal, head string) *report.Report {
	t.Helper()
	r, err := report.Collect(t.Context(), j, "repo", head)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCollectSumsUp(t *testing.T) {
	all := journal(t)
	j, ctx, ok := all.In("repo"), t.Context(), must(t)
	for i := range 12 {
		id := history.AuthorID(fmt.Sprintf("author%02d", i))
		for range i + 1 {
			ok(j.AppendCommitAuthored(ctx, id, history.CommitAuthored{Name: "N", Merge: i == 0}))
		}
	}
	commit := ok(j.RecordCommit(ctx, hashOf("a"), history.CommitRecorded{Author: "ann", Subject: "s"}, nil, nil))
	touch := func(path string, added uint64) {
		ok(j.AppendFileTouched(ctx, history.FileOf("repo", []byte(path)), history.FileTouched{Path: []byte(path), Added: added},
			batpak.CausedBy(commit.ID())))
	}
	touch("top", 1)
	touch("dir/a", 5)
	touch("dir/b/c", 6)
	touch("dir/a", 1)
	ok(j.AppendFilesSwept(ctx, hashOf("a"), history.FilesSwept{Files: 7, Directories: []history.DirectorySwept{
		{Directory: []byte("dir"), Files: 3, Deleted: 2}, {Files: 4, Deleted: 3},
	}}))
	ok(all.In("other").AppendFileTouched(ctx, "other:x", history.FileTouched{Path: []byte("x"), Added: 1000}))

	r := collect(t, j, "")
	want := report.Counts{Commits: 1, Merges: 1, Authors: 12, Files: 3, FileChanges: 11, Sweeps: 1}
	if diff := cmp.Diff(want, r.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	directories := []report.Directory{
		{Name: "dir", Changes: 6, Added: 12, Deleted: 2}, {Name: "(others)", Changes: 4, Deleted: 3}, {Name: ".", Changes: 1, Added: 1},
	}
	if diff := cmp.Diff(directories, r.Directories); diff != "" {
		t.Errorf("directories (-want +got):\n%s", diff)
	}
	if len(r.Authors) != 10 || r.Authors[0].ID != "author11" || r.Authors[0].Commits != 12 || r.Authors[9].ID != "author02" {
		t.Errorf("authors are %+v, want the 10 from author11 to author02", r.Authors)
	}
	file := &report.File{
		Path: "dir/a", Changes: 2, Added: 6,
		Latest: []report.Change{
			{Commit: string(hashOf("a")), Subject: "s", Added: 1}, {Commit: string(hashOf("a")), Subject: "s", Added: 5},
		},
	}
	if diff := cmp.Diff(file, r.File); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
}

func hashOf(digit string) history.Hash { return history.Hash(strings.Repeat(digit, 40)) }

func TestCollectLineage(t *testing.T) {
	j, ok := journal(t).In("repo"), must(t)
	var last batpak.ID
	for _, digit := range []string{"a", "b", "c"} {
		last = ok(j.RecordCommit(t.Context(), hashOf(digit), history.CommitRecorded{Author: "ann"}, nil, nil,
			batpak.CausedBy(last), batpak.Key(history.CommitKey("repo", hashOf(digit))))).ID()
	}
	got := collect(t, j, string(hashOf("c"))).Lineage
	want := &report.Lineage{Head: string(hashOf("c")), Root: string(hashOf("a")), Length: 3, Effects: 2}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lineage (-want +got):\n%s", diff)
	}
	if got := collect(t, j, string(hashOf("d"))).Lineage; got != nil {
		t.Errorf("lineage of a commit that is not in the log is %+v, want none", got)
	}
}

func TestWriteText(t *testing.T) {
	r := &report.Report{
		Repository: "/re\x1bpo", Recorded: 1, Appended: 12345, Events: 12345, Counts: report.Counts{Commits: 1, Merges: 2},
		Verification: report.Verification{Damages: []string{"segment 1"}},
		Authors:      []report.Author{{ID: "a%0A", Name: "evil\x1b[2J", Commits: 1234}},
		File:         &report.File{Path: "li\nne", Latest: []report.Change{{Commit: string(hashOf("a")), Subject: "\x1b", At: time.Unix(0, 0).UTC()}}},
		Lineage:      &report.Lineage{Clipped: true, Length: 1},
	}
	r.SetRates(2*time.Second, time.Second)
	var b strings.Builder
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"12,345 events for 1 commit, in 2s, of which 1s waiting for git: 1 commits/s, 6,173 events/s", "1 commit (2 merges)",
		"DAMAGED", "segment 1", "1,234", "evil\uFFFD[2J <a%0A>", "li\uFFFDne", "1970-01-01 \uFFFD", "more than 0 events",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, &b)
		}
	}
	if strings.ContainsRune(b.String(), 0x1b) {
		t.Errorf("the report has escape characters: %q", b.String())
	}
}

func TestWriteFails(t *testing.T) {
	for name, write := range map[string]error{
		"text": new(report.Report).WriteText(broken{}), "JSON": new(report.Report).WriteJSON(broken{}),
	} {
		if !errors.Is(write, errBroken) {
			t.Errorf("writing %s to a broken pipe = %v, want %v", name, write, errBroken)
		}
	}
}

var errBroken = errors.New("broken pipe")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }
