package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/examples/gitlog/internal/gittest"
	"github.com/batpak-go/batpak/examples/gitlog/internal/report"
)

// asProgram is the environment variable that makes the test binary be the
// program. Its value says what happens when a batch has been recorded: "halt"
// makes the program stand still then.
const asProgram = "GITLOG_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	mode, ok := os.LookupEnv(asProgram)
	if !ok {
		os.Exit(m.Run())
	}
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, &console{halt: mode == "halt"}, true))
}

// console is standard error of a program that is to be killed.
type console struct{ halt bool }

func (c *console) Write(p []byte) (int, error) {
	fmt.Fprintf(os.Stderr, "%s\n", p)
	if c.halt && bytes.Contains(p, []byte("recording:")) {
		select {}
	}
	return len(p), nil
}

// gitlog runs the program and returns its exit code and what it prints.
func gitlog(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs, false)
	return code, out.String(), errs.String()
}

// reportOf runs the program with -json.
func reportOf(t *testing.T, repo, store string) report.Report {
	t.Helper()
	code, stdout, stderr := gitlog(t, "-repo", repo, "-store", store, "-json")
	if code != exitOK || stderr != "" {
		t.Fatalf("gitlog exits with %d: %s", code, stderr)
	}
	var r report.Report
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("report: %v\n%s", err, stdout)
	}
	return r
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// varied is a repository with two roots, a merge, tags, a rename and odd names.
func varied(t *testing.T) *gittest.Repository {
	repo := gittest.New(t)
	repo.Import(30)
	repo.Git("reset", "--quiet", "--hard")
	repo.Git("checkout", "--quiet", "-b", "side", "main~10")
	repo.Write("od d/|=../n\nme\xe9", "x\ny\n")
	repo.Commit("odd", "--author", "Bob <>")
	repo.Git("checkout", "--quiet", "main")
	repo.Git("merge", "--quiet", "-m", "merge", "side")
	repo.Git("mv", "dir0/file0", "moved")
	repo.Commit("rename", "--author", "Bob <bob=../|@example.com>")
	for _, content := range []string{"1\n", "1\n2\n", "2\n", "3\n"} {
		repo.Write("busy", content)
		repo.Commit("busy")
	}
	repo.Git("tag", "light")
	repo.Git("tag", "-m", "annotated", "an/notated")
	repo.Git("checkout", "--quiet", "--orphan", "other")
	repo.Commit("orphan")
	repo.Git("checkout", "--quiet", "main")
	return repo
}

func TestReport(t *testing.T) {
	repo, store := varied(t), filepath.Join(t.TempDir(), "a", "log")
	r := reportOf(t, repo.Dir, store)

	commits := number(t, repo.Git("rev-list", "--all", "--count"))
	if r.Commits != commits || r.Recorded != commits || r.Counts.Commits != uint64(commits) || r.Tags != 2 {
		t.Errorf("report has %d commits, %d recorded, %d in the log, %d tags, want %d and 2 tags",
			r.Commits, r.Recorded, r.Counts.Commits, r.Tags, commits)
	}
	if r.Appended == 0 || r.Events != r.Appended || !r.Verified || r.Verification.Events != r.Events || r.Seconds <= 0 {
		t.Errorf("report has %d events, %d appended, %d verified (%v) in %v s, want all the same",
			r.Events, r.Appended, r.Verification.Events, r.Verified, r.Seconds)
	}
	if r.Counts.Merges != 1 || r.Counts.Roots != 2 || r.Counts.TagMoves != 2 || r.Counts.Sweeps != 0 {
		t.Errorf("report has %+v, want 1 merge, 2 roots, 2 tags", r.Counts)
	}

	var authors []string
	for line := range strings.Lines(repo.Git("log", "--all", "--format=%an")) {
		authors = append(authors, strings.TrimSpace(line))
	}
	got := map[string]uint64{}
	for _, a := range r.Authors {
		got[a.Name] += a.Commits
	}
	want := map[string]uint64{}
	for _, a := range authors {
		want[a]++
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("commits by author (-want +got):\n%s", diff)
	}

	length := number(t, repo.Git("rev-list", "--first-parent", "--count", "main"))
	root := repo.Git("rev-list", "--first-parent", "--max-parents=0", "main")
	if l := r.Lineage; l == nil || l.Length != uint64(length) || l.Root != root || l.Effects == 0 {
		t.Errorf("lineage is %+v, want %d commits to %s", l, length, root)
	}
	var latest []string
	for _, c := range r.File.Latest {
		latest = append(latest, c.Commit)
	}
	if diff := cmp.Diff(strings.Split(repo.Git("log", "--all", "--format=%H", "--", "busy"), "\n"), latest); diff != "" || r.File.Path != "busy" {
		t.Errorf("latest changes of %s (-want of busy, +got):\n%s", r.File.Path, diff)
	}
	if r.File.Changes != 5 || r.File.Added != 4 || r.File.Deleted != 2 {
		t.Errorf("history of %s is %+v, want 5 changes, +4 -2", r.File.Path, r.File)
	}
}

func TestRunAgainAppendsNothing(t *testing.T) {
	repo, store := varied(t), filepath.Join(t.TempDir(), "log")
	first := reportOf(t, repo.Dir, store)
	again := reportOf(t, repo.Dir, store)
	if again.Appended != 0 || again.Recorded != 0 || again.Events != first.Events || again.Commits != first.Commits || !again.Verified {
		t.Errorf("second run appends %d events of %d commits, to %d in all, want none to %d",
			again.Appended, again.Recorded, again.Events, first.Events)
	}
	if diff := cmp.Diff(first.Counts, again.Counts); diff != "" {
		t.Errorf("counts of the second run (-first +second):\n%s", diff)
	}
	repo.Write("new", "x\n")
	repo.Commit("new")
	third := reportOf(t, repo.Dir, store)
	if third.Recorded != 1 || third.Appended != 3 || third.Commits != first.Commits+1 {
		t.Errorf("a run after one commit records %d commits in %d events, want 1 in 3", third.Recorded, third.Appended)
	}
}

// kill runs the program in a process of its own and kills it once it has
// recorded a batch.
func kill(t *testing.T, mode, repo, store string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-repo", repo, "-store", store, "-json")
	cmd.Env = append(os.Environ(), asProgram+"="+mode)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "recording:") {
			return
		}
	}
	t.Fatal("the program ended before it recorded anything")
}

func TestKilledAndRunAgain(t *testing.T) {
	repo := gittest.New(t)
	repo.Import(5000)
	for _, mode := range []string{"halt", "run"} {
		t.Run(mode, func(t *testing.T) {
			store := filepath.Join(t.TempDir(), "log")
			kill(t, mode, repo.Dir, store)
			r := reportOf(t, repo.Dir, store)
			if mode == "halt" && (r.Recorded == 0 || r.Recorded >= 5000) {
				t.Errorf("the run after the kill records %d commits, want some of 5000", r.Recorded)
			}
			if !r.Verified || r.Counts.Commits != 5000 || r.Counts.FileChanges != 5000 || r.Events != 15001 || r.Lineage.Length != 5000 {
				t.Errorf("the run after the kill has %d events (verified: %v), %+v, %+v, want 15001 events of 5000 commits",
					r.Events, r.Verified, r.Counts, r.Lineage)
			}
			if mode == "halt" && r.Recovery == nil {
				t.Error("the run after the kill does not say that the log had not been closed")
			}
			if r := reportOf(t, repo.Dir, store); r.Appended != 0 || r.Recovery != nil {
				t.Errorf("one more run appends %d events after recovering %+v, want neither", r.Appended, r.Recovery)
			}
		})
	}
}

func TestInterrupted(t *testing.T) {
	repo, store := gittest.New(t), filepath.Join(t.TempDir(), "log")
	repo.Import(100)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stderr bytes.Buffer
	if code := run(ctx, []string{"-repo", repo.Dir, "-store", store}, io.Discard, &stderr, false); code != exitInterrupted ||
		!strings.Contains(stderr.String(), "run again to go on") {
		t.Errorf("an interrupted run exits with %d: %s; want %d and advice", code, &stderr, exitInterrupted)
	}
}

func TestJSON(t *testing.T) {
	repo, store := varied(t), filepath.Join(t.TempDir(), "log")
	_, stdout, _ := gitlog(t, "-repo", repo.Dir, "-store", store, "-json")
	d := json.NewDecoder(strings.NewReader(stdout))
	var object map[string]json.RawMessage
	if err := d.Decode(&object); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Errorf("something follows the JSON object: %v", err)
	}
	for _, name := range []string{"commits", "appended", "events", "verified", "seconds"} {
		if _, ok := object[name]; !ok {
			t.Errorf("the report has %v, want %q too", slices.Sorted(maps.Keys(object)), name)
		}
	}
}

func TestText(t *testing.T) {
	repo, store := varied(t), filepath.Join(t.TempDir(), "log")
	for _, want := range [][]string{
		{"commits/s", "sound:", "authors with the most commits", "directories with the most churn", "the file with the most changes", "the way back from"},
		{"nothing: all 38 commits and 2 tags are in the log", "sound:"},
	} {
		code, stdout, stderr := gitlog(t, "-repo", repo.Dir, "-store", store)
		if code != exitOK || stderr != "" {
			t.Fatalf("gitlog exits with %d: %s", code, stderr)
		}
		for _, text := range want {
			if !strings.Contains(stdout, text) {
				t.Errorf("the report lacks %q:\n%s", text, stdout)
			}
		}
	}
}

func TestProgress(t *testing.T) {
	repo, store := varied(t), filepath.Join(t.TempDir(), "log")
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-repo", repo.Dir, "-store", store}, &stdout, &stderr, true); code != exitOK {
		t.Fatalf("gitlog exits with %d: %s", code, &stderr)
	}
	if got := stderr.String(); !strings.Contains(got, "recording: 38 of 38 commits") || !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("progress is %q, want the commits, and a cleared line at last", got)
	}
}

func TestNothingToRecord(t *testing.T) {
	repo := gittest.New(t)
	r := reportOf(t, repo.Dir, filepath.Join(t.TempDir(), "log"))
	if r.Commits != 0 || r.Appended != 0 || r.Events != 0 || !r.Verified || r.File != nil || r.Lineage != nil {
		t.Errorf("report of an empty repository is %+v", r)
	}
}

func TestDefaultStore(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	one, two := gittest.New(t), gittest.New(t)
	one.Commit("one")
	two.Commit("two")
	a, b := reportOf(t, one.Dir, ""), reportOf(t, two.Dir, "")
	if a.Store == b.Store || filepath.Dir(a.Store) != filepath.Join(cache, "batpak", "gitlog") {
		t.Errorf("the logs are in %s and %s, want two below %s", a.Store, b.Store, cache)
	}
	t.Chdir(one.Dir)
	if again := reportOf(t, ".", ""); again.Store != a.Store || again.Appended != 0 {
		t.Errorf("a run within the repository appends %d events to %s, want none to %s", again.Appended, again.Store, a.Store)
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-repo", dir}, exitFailed, "gitlog: open repository " + dir + ": git rev-parse: fatal: not a git repository"},
		{[]string{"-repo", filepath.Join(dir, "none")}, exitFailed, "no such file or directory"},
		{[]string{"-what"}, exitUsage, "flag provided but not defined"},
		{[]string{"argument"}, exitUsage, `unexpected argument "argument"`},
		{[]string{"-help"}, exitOK, "-store DIR"},
	} {
		code, stdout, stderr := gitlog(t, c.args...)
		if code != c.code || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("gitlog %v exits with %d and prints %q, %q, want %d and %q", c.args, code, stdout, stderr, c.code, c.want)
		}
	}
}

func TestDamageIsReported(t *testing.T) {
	repo, store := varied(t), filepath.Join(t.TempDir(), "log")
	reportOf(t, repo.Dir, store)
	files, err := filepath.Glob(filepath.Join(store, "*"))
	if err != nil {
		t.Fatal(err)
	}
	damaged := 0
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) < 1000 {
			continue
		}
		data[len(data)/2] ^= 1
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
		damaged++
	}
	if damaged == 0 {
		t.Fatal("there is no file to damage")
	}
	if code, _, stderr := gitlog(t, "-repo", repo.Dir, "-store", store); code != exitFailed || !strings.Contains(stderr, "damaged") || !strings.Contains(stderr, "move the directory away") {
		t.Errorf("gitlog on a damaged log exits with %d: %s, want %d and the damage", code, stderr, exitFailed)
	}
}

func TestLogOpenElsewhere(t *testing.T) {
	repo, store := varied(t), filepath.Join(t.TempDir(), "log")
	other, err := open(store)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Store().Close()
	code, _, stderr := gitlog(t, "-repo", repo.Dir, "-store", store)
	if code != exitFailed || !strings.Contains(stderr, "open "+store+": batpak: store is open elsewhere") || !strings.Contains(stderr, "wait for the other run") {
		t.Errorf("gitlog on a log that is open exits with %d: %s, want %d and advice", code, stderr, exitFailed)
	}
}
