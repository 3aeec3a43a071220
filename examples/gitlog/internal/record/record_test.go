package record_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/batpaktest"

	"github.com/batpak-go/batpak/examples/gitlog/history"
	"github.com/batpak-go/batpak/examples/gitlog/internal/git"
	"github.com/batpak-go/batpak/examples/gitlog/internal/gittest"
	"github.com/batpak-go/batpak/examples/gitlog/internal/record"
)

const scope = "repo"

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

func run(t *testing.T, j *history.Journal, dir string) record.Result {
	t.Helper()
	repo, err := git.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	before := j.Store().Frontier().Visible
	r, err := record.Run(t.Context(), j, scope, repo, func(record.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	if got := j.Store().Frontier().Visible - before; got != r.Appended {
		t.Errorf("Run() says %d events were appended, the log has %d more", r.Appended, got)
	}
	return r
}

// kinds counts all events by kind.
func kinds(t *testing.T, s *batpak.Store) map[batpak.Kind]int {
	t.Helper()
	n := map[batpak.Kind]int{}
	for e, err := range s.Events(batpak.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		n[e.Kind]++
	}
	return n
}

func commitEvent(t *testing.T, s *batpak.Store, hash string) batpak.Event {
	t.Helper()
	e, err := s.ByKey(history.CommitKey(scope, history.Hash(hash)))
	if err != nil {
		t.Fatalf("commit %s: %v", hash, err)
	}
	return e
}

func TestRunRecordsTheGraph(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("a", "x\n")
	root := repo.Commit("root")
	repo.Git("checkout", "--quiet", "-b", "side")
	repo.Write("b", "x\n")
	side := repo.Commit("side")
	repo.Git("checkout", "--quiet", "main")
	repo.Write("c", "x\n")
	child := repo.Commit("child")
	repo.Git("merge", "--quiet", "-m", "merge", "side")
	merge := repo.Git("rev-parse", "HEAD")
	repo.Git("tag", "v1", side)
	repo.Git("checkout", "--quiet", "--orphan", "other")
	orphan := repo.Commit("orphan")
	repo.Git("checkout", "--quiet", "main")
	repo.Git("merge", "--quiet", "--allow-unrelated-histories", "--strategy=ours", "-m", "join", "other")
	join := repo.Git("rev-parse", "HEAD")

	j := journal(t)
	if r := run(t, j, repo.Dir); r.Commits != 6 || r.Recorded != 6 || r.Tags != 1 {
		t.Errorf("Run() = %+v, want 6 commits, all recorded, and 1 tag", r)
	}
	want := map[batpak.Kind]int{
		history.KindHistoryBegun: 2, history.KindCommitRecorded: 6, history.KindCommitAuthored: 6,
		history.KindFileTouched: 6, // the orphan commit has the three files of the work tree
		history.KindTagRecorded: 1,
	}
	s := j.Store()
	if diff := cmp.Diff(want, kinds(t, s)); diff != "" {
		t.Errorf("events by kind (-want +got):\n%s", diff)
	}
	for commit, parent := range map[string]string{side: root, child: root, merge: child, join: merge} {
		e, p := commitEvent(t, s, commit), commitEvent(t, s, parent)
		if e.Causation != p.ID || e.Correlation != p.Correlation {
			t.Errorf("commit %s: caused by %v in story %v, want %v in story %v", commit, e.Causation, e.Correlation, p.ID, p.Correlation)
		}
		if e.Decision == nil || len(e.Decision.Verdicts) != 3 {
			t.Errorf("commit %s: decision %+v, want three verdicts", commit, e.Decision)
		}
	}
	for _, hash := range []string{root, orphan} {
		e := commitEvent(t, s, hash)
		begun, err := s.ByKey(history.RootKey(scope, history.Hash(hash)))
		if err != nil || !e.Causation.IsZero() || e.Correlation != begun.ID {
			t.Errorf("root %s: caused by %v in story %v, want no cause, and the story of %v (%v)", hash, e.Causation, e.Correlation, begun.ID, err)
		}
	}
	effects := map[batpak.Kind]int{}
	for e, err := range s.Effects(commitEvent(t, s, side).ID) {
		if err != nil {
			t.Fatal(err)
		}
		effects[e.Kind]++
	}
	want = map[batpak.Kind]int{history.KindCommitAuthored: 1, history.KindFileTouched: 1, history.KindTagRecorded: 1}
	if diff := cmp.Diff(want, effects); diff != "" {
		t.Errorf("effects of a commit whose merge has another first parent (-want +got):\n%s", diff)
	}
}

func TestRunAgain(t *testing.T) {
	repo := gittest.New(t)
	repo.Import(20)
	repo.Git("tag", "moving", "main")
	j := journal(t)
	run(t, j, repo.Dir)
	if r := run(t, j, repo.Dir); r.Appended != 0 || r.Recorded != 0 || r.Commits != 20 {
		t.Errorf("second Run() = %+v, want nothing appended for 20 commits", r)
	}
	repo.Import(3)
	first := repo.Git("rev-parse", "moving")
	for _, target := range []string{"main", first} {
		repo.Git("tag", "--force", "moving", target)
		run(t, j, repo.Dir)
	}
	if r := run(t, j, repo.Dir); r.Appended != 0 || r.Commits != 23 {
		t.Errorf("last Run() = %+v, want nothing appended for 23 commits", r)
	}
	tag, err := j.TagTarget(t.Context(), history.TagOf(scope, []byte("moving")))
	if want := (history.TagTarget{Object: history.Hash(first), Moves: 2}); err != nil || tag.State != want {
		t.Errorf("TagTarget = %+v, %v, want %+v", tag.State, err, want)
	}
}

func TestRunAfterOneThatOnlyBegan(t *testing.T) {
	repo := gittest.New(t)
	root := history.Hash(repo.Commit("root"))
	j := journal(t)
	begun, err := j.In(scope).AppendHistoryBegun(t.Context(), root, history.HistoryBegun{}, batpak.Key(history.RootKey(scope, root)))
	if err != nil {
		t.Fatal(err)
	}
	if r := run(t, j, repo.Dir); r.Recorded != 1 || r.Appended != 2 {
		t.Errorf("Run() = %+v, want 2 events for 1 commit", r)
	}
	if e := commitEvent(t, j.Store(), string(root)); e.Correlation != begun.ID() {
		t.Errorf("the root is in story %v, want %v", e.Correlation, begun.ID())
	}
}

func TestRunSweepsHugeCommits(t *testing.T) {
	repo := gittest.New(t)
	for i := range 2100 {
		repo.Write(fmt.Sprintf("many/%d", i), "x\n")
	}
	for i := range 150 {
		repo.Write(fmt.Sprintf("dir%d/file", i), "x\n")
	}
	repo.Write("top", "x\n")
	hash := repo.Commit("huge")
	j := journal(t)
	run(t, j, repo.Dir)
	want := map[batpak.Kind]int{
		history.KindHistoryBegun: 1, history.KindCommitRecorded: 1, history.KindCommitAuthored: 1, history.KindFilesSwept: 1,
	}
	if diff := cmp.Diff(want, kinds(t, j.Store())); diff != "" {
		t.Fatalf("events by kind (-want +got):\n%s", diff)
	}
	for e, err := range j.Store().Events(batpak.Query{Kinds: []batpak.Kind{history.KindFilesSwept}}) {
		if err != nil {
			t.Fatal(err)
		}
		swept, err := history.DecodeFilesSwept(e)
		if err != nil {
			t.Fatal(err)
		}
		p := swept.Payload
		if p.Files != 2251 || p.Added != 2251 || len(p.Directories) != 101 || e.Causation != commitEvent(t, j.Store(), hash).ID {
			t.Errorf("sweep of %d files, %d lines in %d directories, caused by %v", p.Files, p.Added, len(p.Directories), e.Causation)
		}
		first, rest := p.Directories[0], p.Directories[100]
		if string(first.Directory) != "many" || first.Files != 2100 || len(rest.Directory) != 0 || rest.Files != 52 {
			t.Errorf("sweep begins with %s of %d files and ends with %q of %d, want many of 2100 and a rest of 52",
				first.Directory, first.Files, rest.Directory, rest.Files)
		}
	}
}

func TestRunShallow(t *testing.T) {
	origin := gittest.New(t)
	origin.Import(6)
	dir := filepath.Join(t.TempDir(), "shallow")
	origin.Git("clone", "--quiet", "--depth=2", "file://"+origin.Dir, dir)
	j := journal(t)
	if r := run(t, j, dir); r.Recorded != 2 {
		t.Fatalf("Run() of a shallow clone = %+v, want 2 commits recorded", r)
	}
	begun, err := j.Store().ByKey(history.RootKey(scope, history.Hash(origin.Git("rev-parse", "main~1"))))
	if err != nil {
		t.Fatal(err)
	}
	if e, err := history.DecodeHistoryBegun(begun); err != nil || !e.Payload.Shallow {
		t.Errorf("the beginning of a shallow history = %+v, %v, want Shallow", e.Payload, err)
	}
	origin.Git("-C", dir, "fetch", "--quiet", "--unshallow")
	if r := run(t, j, dir); r.Recorded != 4 || r.Commits != 6 {
		t.Errorf("Run() after unshallow = %+v, want 4 more of 6 commits", r)
	}
}

func TestRunCancelled(t *testing.T) {
	repo := gittest.New(t)
	repo.Import(3000)
	r, err := git.Open(t.Context(), repo.Dir)
	if err != nil {
		t.Fatal(err)
	}
	j := journal(t)
	ctx, cancel := context.WithCancel(t.Context())
	result, err := record.Run(ctx, j, scope, r, func(record.Progress) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("Run() after a cancellation = %v, want %v", err, context.Canceled)
	}
	if result.Recorded == 0 || result.Recorded == 3000 || result.Appended == 0 {
		t.Errorf("Run() after a cancellation = %+v, want some of 3000 commits", result)
	}
	run(t, j, repo.Dir)
	if n := kinds(t, j.Store())[history.KindCommitRecorded]; n != 3000 {
		t.Errorf("the log has %d commits, want 3000", n)
	}
}

func TestRunSharesALog(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("a/..b", strings.Repeat("x\n", 3))
	repo.Commit("first")
	j := journal(t)
	run(t, j, repo.Dir)
	r, err := git.Open(t.Context(), repo.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if result, err := record.Run(t.Context(), j, "fork", r, func(record.Progress) {}); err != nil || result.Recorded != 1 {
		t.Errorf("Run() in another scope = %+v, %v, want 1 commit recorded", result, err)
	}
	for _, scope := range []string{scope, "fork"} {
		churn, err := j.Churn(t.Context(), history.FileOf(scope, []byte("a/..b")))
		if err != nil || churn.State.Changes != 1 || churn.State.Added != 3 {
			t.Errorf("Churn in scope %s = %+v, %v, want one change of 3 lines", scope, churn.State, err)
		}
	}
}
