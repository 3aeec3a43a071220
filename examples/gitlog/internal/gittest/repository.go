package gittest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Repository is a git repository of a test, with a work tree on branch main.
type Repository struct {
	t     testing.TB
	Dir   string
	clock int64 // seconds since 1970, of the next commit
}

// New makes an empty repository.
func New(t testing.TB) *Repository {
	t.Helper()
	r := &Repository{t: t, Dir: filepath.Join(t.TempDir(), "repo"), clock: 1_700_000_000}
	if err := os.Mkdir(r.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.Git("init", "--quiet", "--initial-branch=main")
	return r
}

// env is the environment in which the configuration of the machine plays no
// part.
func env() []string {
	return append(os.Environ(),
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.com",
		"GIT_COMMITTER_NAME=Com", "GIT_COMMITTER_EMAIL=com@example.com")
}

// Git runs git in the repository and returns what it prints, without the final
// newline.
func (r *Repository) Git(args ...string) string {
	r.t.Helper()
	return r.input(nil, args...)
}

// input is [Repository.Git] with standard input.
func (r *Repository) input(stdin []byte, args ...string) string {
	r.t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		r.t.Fatalf("this test needs the git binary: %v", err)
	}
	cmd := exec.Command("git", args...)
	cmd.Dir = r.Dir
	date := fmt.Sprintf("%d +0000", r.clock)
	cmd.Env = append(env(), "GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_DATE="+date)
	cmd.Stdin = bytes.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return strings.TrimSuffix(stdout.String(), "\n")
}

// Write writes a file of the work tree, below directories that it makes.
func (r *Repository) Write(path, content string) {
	r.t.Helper()
	path = filepath.Join(r.Dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// Commit commits everything in the work tree, one minute after the last commit,
// and returns the hash. args are further arguments of git commit.
func (r *Repository) Commit(message string, args ...string) string {
	r.t.Helper()
	r.clock += 60
	r.Git("add", "--all")
	r.Git(append([]string{"commit", "--quiet", "--allow-empty", "--message", message}, args...)...)
	return r.Git("rev-parse", "HEAD")
}

// Import adds a line of n commits to branch main, each of which changes a file.
// The work tree is not touched.
func (r *Repository) Import(n int) {
	r.t.Helper()
	var b bytes.Buffer
	for i := range n {
		r.clock += 60
		subject, content := fmt.Sprintf("import %d", i), fmt.Sprintf("line %d\n", i)
		fmt.Fprintf(&b, "commit refs/heads/main\ncommitter Ann <ann@example.com> %d +0000\ndata %d\n%s\n", r.clock, len(subject), subject)
		if i == 0 {
			if tip := r.Git("for-each-ref", "--format=%(objectname)", "refs/heads/main"); tip != "" {
				fmt.Fprintf(&b, "from %s\n", tip)
			}
		}
		fmt.Fprintf(&b, "M 100644 inline dir%d/file%d\ndata %d\n%s\n", i%7, i%50, len(content), content)
	}
	r.input(b.Bytes(), "fast-import", "--quiet")
}

// Store writes an object of a type and returns its hash. It lets a test make
// what git's own commands refuse to.
func (r *Repository) Store(kind string, content []byte) string {
	r.t.Helper()
	return r.input(content, "hash-object", "-t", kind, "--literally", "-w", "--stdin")
}
