package git_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/examples/gitlog/internal/git"
	"github.com/batpak-go/batpak/examples/gitlog/internal/gittest"
)

// read opens a repository and reads all of its commits.
func read(t *testing.T, dir string) []git.Commit {
	t.Helper()
	r, err := git.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	hashes, err := r.Commits(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var commits []git.Commit
	for c, err := range r.Read(t.Context(), hashes) {
		if err != nil {
			t.Fatal(err)
		}
		if want := hashes[len(commits)]; c.Hash != want {
			t.Fatalf("Read yields commit %s in place of %s", c.Hash, want)
		}
		commits = append(commits, c)
	}
	if len(commits) != len(hashes) {
		t.Fatalf("Read yields %d commits, want %d", len(commits), len(hashes))
	}
	return commits
}

func TestReadChanges(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("a.txt", "1\n2\n3\n")
	repo.Write("bin", "\x00\x01\x02")
	root := repo.Commit("first line\ncontinued\n\nbody")
	repo.Write("a.txt", "1\n2\n3\n4\n")
	change := repo.Commit("change")
	repo.Git("mv", "a.txt", "dir name")
	rename := repo.Commit("rename")
	empty := repo.Commit("empty")
	os.Remove(filepath.Join(repo.Dir, "dir name"))
	gone := repo.Commit("gone")

	at := func(minutes int64) time.Time { return time.Unix(1_700_000_000+60*minutes, 0).UTC() }
	commit := func(n int64, hash, parent, subject string, changes ...git.Change) git.Commit {
		c := git.Commit{
			Hash: hash, Parents: []string{}, Author: git.Person{Name: "Ann", Mail: "ann@example.com", At: at(n)},
			Committed: at(n), Subject: subject, Changes: changes,
		}
		if parent != "" {
			c.Parents = append(c.Parents, parent)
		}
		return c
	}
	want := []git.Commit{
		commit(1, root, "", "first line continued",
			git.Change{Path: []byte("a.txt"), Added: 3}, git.Change{Path: []byte("bin"), Uncounted: true}),
		commit(2, change, root, "change", git.Change{Path: []byte("a.txt"), Added: 1}),
		commit(3, rename, change, "rename", git.Change{Path: []byte("dir name"), From: []byte("a.txt")}),
		commit(4, empty, rename, "empty"),
		commit(5, gone, empty, "gone", git.Change{Path: []byte("dir name"), Deleted: 4}),
	}
	if diff := cmp.Diff(want, read(t, repo.Dir)); diff != "" {
		t.Errorf("Read (-want +got):\n%s", diff)
	}
}

func TestReadOddPaths(t *testing.T) {
	repo := gittest.New(t)
	paths := []string{
		"\x01starts like a commit", "\nline feeds\n", "tab\there", `quo"te\`, "-", "1\t2\tx", "latin\xe9", "ünïcode", "sp ace/%41/a|b=c",
	}
	for _, p := range paths {
		repo.Write(p, "x\n")
	}
	repo.Commit("odd")
	want := map[string]git.Change{}
	for _, p := range paths {
		want[p] = git.Change{Path: []byte(p), Added: 1}
	}
	got := map[string]git.Change{}
	for _, c := range read(t, repo.Dir)[0].Changes {
		got[string(c.Path)] = c
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Read (-want +got):\n%s", diff)
	}
}

func TestReadMerges(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("base", "x\n")
	base := repo.Commit("base")
	var arms []string
	for _, name := range []string{"one", "two", "three"} {
		repo.Git("checkout", "--quiet", "-b", name, base)
		repo.Write(name, "x\n")
		arms = append(arms, repo.Commit(name))
	}
	repo.Git("merge", "--quiet", "-m", "octopus", "one", "two")
	octopus := repo.Git("rev-parse", "HEAD")
	repo.Git("checkout", "--quiet", "--orphan", "other")
	repo.Git("rm", "-r", "-f", "--quiet", ".")
	orphan := repo.Commit("second root")

	commits := map[string]git.Commit{}
	seen := map[string]bool{}
	for _, c := range read(t, repo.Dir) {
		for _, p := range c.Parents {
			if !seen[p] {
				t.Errorf("Read yields commit %s before its parent %s", c.Hash, p)
			}
		}
		seen[c.Hash] = true
		commits[c.Hash] = c
	}
	if len(commits) != 6 {
		t.Errorf("Read yields %d commits, want 6", len(commits))
	}
	got := commits[octopus]
	if diff := cmp.Diff([]string{arms[2], arms[0], arms[1]}, got.Parents); diff != "" {
		t.Errorf("parents of the octopus (-want +got):\n%s", diff)
	}
	if len(got.Changes) != 0 {
		t.Errorf("changes of the octopus = %v, want none", got.Changes)
	}
	if c, ok := commits[orphan]; !ok || len(c.Parents) != 0 {
		t.Errorf("second root = %v, %v, want a commit without parents", c, ok)
	}
}

func TestReadTextThatIsNotUTF8(t *testing.T) {
	repo := gittest.New(t)
	tree := repo.Git("write-tree")
	object := "tree " + tree + "\n" +
		"author Ren\xe9 <ren\xe9@example.com> 1700000000 +0200\n" +
		"committer  <> 99999999999999999999 +0000\n" +
		"\ncaf\xe9\n"
	repo.Git("update-ref", "refs/heads/main", repo.Store("commit", []byte(object)))
	latin := strings.Replace(object, "\n\n", "\nencoding ISO-8859-1\n\n", 1)
	repo.Git("update-ref", "refs/heads/latin", repo.Store("commit", []byte(latin)))

	got := map[string]git.Commit{}
	for _, c := range read(t, repo.Dir) {
		got[c.Subject] = c
	}
	plain, ok := got["caf\uFFFD"]
	if want := (git.Person{Name: "Ren\uFFFD", Mail: "ren\xe9@example.com", At: time.Unix(1_700_000_000, 0).UTC()}); !ok || plain.Author != want {
		t.Errorf("author without encoding = %v, want %v", plain.Author, want)
	}
	coded, ok := got["café"]
	if want := (git.Person{Name: "René", Mail: "rené@example.com", At: time.Unix(1_700_000_000, 0).UTC()}); !ok || coded.Author != want {
		t.Errorf("author in ISO-8859-1 = %v, want %v", coded.Author, want)
	}
}

func TestReadShallow(t *testing.T) {
	origin := gittest.New(t)
	origin.Import(5)
	dir := filepath.Join(t.TempDir(), "shallow")
	origin.Git("clone", "--quiet", "--depth=2", "file://"+origin.Dir, dir)

	commits := read(t, dir)
	if len(commits) != 2 {
		t.Fatalf("Read yields %d commits, want 2", len(commits))
	}
	parent := origin.Git("rev-parse", "main~2")
	c := commits[0]
	if !c.Boundary || len(c.Parents) != 1 || c.Parents[0] != parent || len(c.Changes) != 0 {
		t.Errorf("commit at the boundary = %+v, want Boundary, parent %s and no changes", c, parent)
	}
	if c := commits[1]; c.Boundary || len(c.Changes) != 1 {
		t.Errorf("commit above the boundary = %+v, want one change", c)
	}
}

func TestReadWithoutContents(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("a", "1\n")
	repo.Commit("first")
	repo.Write("a", "1\n2\n")
	repo.Write("b", "1\n")
	repo.Commit("second")
	repo.Write("a", "1\n2\n3\n")
	repo.Commit("third")
	repo.Write("b", "1\n2\n")
	repo.Commit("fourth")
	blob := repo.Git("rev-parse", "HEAD~2:a")
	if err := os.Remove(filepath.Join(repo.Dir, ".git", "objects", blob[:2], blob[2:])); err != nil {
		t.Fatal(err)
	}

	var got []string
	for _, c := range read(t, repo.Dir) {
		for _, f := range c.Changes {
			state := "counted"
			if f.Uncounted {
				state = "uncounted"
			}
			got = append(got, c.Subject+" "+string(f.Path)+" "+state)
		}
	}
	want := []string{"first a counted", "second a uncounted", "second b uncounted", "third a uncounted", "fourth b counted"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Read (-want +got):\n%s", diff)
	}
}

func TestReadIsNotLedAstray(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("a", "1\n")
	first := repo.Commit("first")
	repo.Write("a", "2\n")
	second := repo.Commit("second")
	repo.Git("replace", "--graft", second)
	repo.Write(".git/info/grafts", second+"\n")
	repo.Git("config", "log.showSignature", "true")
	repo.Git("config", "diff.orderFile", "/nowhere")
	other := gittest.New(t)
	t.Setenv("GIT_DIR", filepath.Join(other.Dir, ".git"))

	commits := read(t, repo.Dir)
	last := commits[len(commits)-1]
	for _, c := range commits {
		if c.Hash == second {
			last = c
		}
	}
	if last.Hash != second || len(last.Parents) != 1 || last.Parents[0] != first || len(last.Changes) != 1 {
		t.Errorf("Read yields %+v for a replaced commit, want its own parent %s and one change", last, first)
	}
}

func TestReadStops(t *testing.T) {
	repo := gittest.New(t)
	repo.Import(200)
	r, err := git.Open(t.Context(), repo.Dir)
	if err != nil {
		t.Fatal(err)
	}
	hashes, err := r.Commits(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range r.Read(t.Context(), hashes) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("Read yields %d commits before the break, want 3", n)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, err := range r.Read(ctx, hashes) {
		last = err
		cancel()
	}
	if last != nil && !errors.Is(last, context.Canceled) {
		t.Errorf("Read after a cancellation ends with %v, want nil or %v", last, context.Canceled)
	}
	for _, err := range r.Read(t.Context(), []string{strings.Repeat("0", 40)}) {
		last = err
	}
	if last == nil {
		t.Error("Read of a commit that does not exist ends with nil, want an error")
	}
}

func TestTags(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("a", "x\n")
	first := repo.Commit("first")
	repo.Git("tag", "light")
	repo.Git("tag", "-m", "a release\n\nwith notes", "annotated")
	repo.Git("tag", "tree", "HEAD^{tree}")
	repo.Git("tag", "od\xe9/d|=%")

	r, err := git.Open(t.Context(), repo.Dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Tags(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tree := repo.Git("rev-parse", "HEAD^{tree}")
	want := []git.Tag{
		{
			Name: []byte("annotated"), Object: repo.Git("rev-parse", "annotated"), Annotated: true, Target: first, Type: "commit",
			Tagger: git.Person{Name: "Com", Mail: "com@example.com", At: time.Unix(1_700_000_060, 0).UTC()}, Subject: "a release",
		},
		{Name: []byte("light"), Object: first, Target: first, Type: "commit"},
		{Name: []byte("od\xe9/d|=%"), Object: first, Target: first, Type: "commit"},
		{Name: []byte("tree"), Object: tree, Target: tree, Type: "tree"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Tags() (-want +got):\n%s", diff)
	}
}

func TestOpen(t *testing.T) {
	empty := gittest.New(t)
	r, err := git.Open(t.Context(), empty.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if head, err := r.Head(t.Context()); head != "" || err != nil {
		t.Errorf("Head() of an empty repository = %q, %v, want none", head, err)
	}
	if commits := read(t, empty.Dir); len(commits) != 0 {
		t.Errorf("an empty repository has %d commits, want 0", len(commits))
	}

	repo := gittest.New(t)
	repo.Write("dir/a", "x\n")
	hash := repo.Commit("first")
	bare := filepath.Join(t.TempDir(), "name.git")
	repo.Git("clone", "--quiet", "--bare", repo.Dir, bare)
	for dir, name := range map[string]string{repo.Dir: "repo", filepath.Join(repo.Dir, "dir"): "repo", bare: "name"} {
		r, err := git.Open(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		if head, err := r.Head(t.Context()); head != hash || err != nil {
			t.Errorf("Head() in %s = %q, %v, want %s", dir, head, err, hash)
		}
		if r.Name() != name || r.Shallow() {
			t.Errorf("Open(%s): Name %q, Shallow %v, want %q, false", dir, r.Name(), r.Shallow(), name)
		}
	}
}

func TestOpenFails(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ dir, want string }{
		{dir, "not a git repository"},
		{file, "not a directory"},
		{filepath.Join(dir, "nowhere"), "no such file or directory"},
	} {
		if _, err := git.Open(t.Context(), c.dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Open(%q) = %v, want an error with %q", c.dir, err, c.want)
		}
	}
	t.Setenv("PATH", dir)
	if _, err := git.Open(t.Context(), dir); !errors.Is(err, git.ErrNoGit) {
		t.Errorf("Open without git = %v, want %v", err, git.ErrNoGit)
	}
}
