package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// Error is a git command that did not succeed.
type Error struct {
	Command string // "rev-list"
	Text    string // what git said, without the final newline
	Err     error  // how the process ended
}

func (e *Error) Error() string {
	if e.Text == "" {
		return fmt.Sprintf("git %s: %v", e.Command, e.Err)
	}
	return fmt.Sprintf("git %s: %s", e.Command, e.Text)
}

// Unwrap returns how the process ended.
func (e *Error) Unwrap() error { return e.Err }

// ErrNoGit means that there is no git binary.
var ErrNoGit = errors.New("there is no git on the PATH; repositories are read through it")

// local are the variables that would lead git away from the directory it is
// told to read. A hook, for one, is run with them.
var local = []string{
	"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES",
	"GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_REPLACE_REF_BASE",
}

// command makes a git process that reads the repository and that is killed when
// ctx ends.
func (r *Repository) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", append([]string{"--no-replace-objects", "-C", r.dir}, args...)...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains(local, name)
	})
	cmd.Env = append(cmd.Env, "LC_ALL=C", "GIT_GRAFT_FILE="+os.DevNull, "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0")
	return cmd
}

// output runs a git command and returns what it prints.
func (r *Repository) output(ctx context.Context, args ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd := r.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, explain(ctx, args[0], stderr.String(), err)
	}
	return stdout.Bytes(), nil
}

// explain says why a git process failed.
func explain(ctx context.Context, command, stderr string, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("git %s: %w", command, context.Cause(ctx))
	case errors.Is(err, exec.ErrNotFound):
		return ErrNoGit
	}
	return &Error{Command: command, Text: strings.TrimSpace(stderr), Err: err}
}
