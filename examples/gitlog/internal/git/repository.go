package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Repository is a git repository, bare or not. It is safe for concurrent use.
type Repository struct {
	dir     string
	common  string          // directory of the objects and references, absolute
	shallow map[string]bool // commits whose parents a shallow clone leaves out
}

// Open finds the repository that the directory dir is in. It fails if dir is in
// none, or if there is no git binary.
func Open(ctx context.Context, dir string) (*Repository, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("open repository: %s is not a directory", dir)
	}
	r := &Repository{dir: dir}
	if r.common, err = r.path(ctx, "--git-common-dir"); err != nil {
		return nil, fmt.Errorf("open repository %s: %w", dir, err)
	}
	boundary, err := r.path(ctx, "--git-path", "shallow")
	if err != nil {
		return nil, fmt.Errorf("open repository %s: %w", dir, err)
	}
	if r.shallow, err = readBoundary(boundary); err != nil {
		return nil, fmt.Errorf("open repository %s: %w", dir, err)
	}
	return r, nil
}

// Dir is the directory that holds the repository's objects and references, as
// an absolute path. It is the same for all work trees of a repository.
func (r *Repository) Dir() string { return r.common }

// Name is what the repository is called: the name of its directory, without
// ".git".
func (r *Repository) Name() string {
	dir := r.common
	if filepath.Base(dir) == ".git" {
		dir = filepath.Dir(dir)
	}
	return strings.TrimSuffix(filepath.Base(dir), ".git")
}

// Shallow reports whether the repository is a shallow clone, which leaves out
// what came before some of its commits.
func (r *Repository) Shallow() bool { return len(r.shallow) > 0 }

// Head is the hash of the commit that is checked out, or "" if there is none.
func (r *Repository) Head(ctx context.Context) (string, error) {
	out, err := r.output(ctx, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
	if failed, ok := errors.AsType[*Error](err); ok && failed.Text == "" {
		return "", nil // HEAD names a branch without commits
	}
	return strings.TrimSpace(string(out)), err
}

// path asks git for a path and makes it absolute.
func (r *Repository) path(ctx context.Context, args ...string) (string, error) {
	out, err := r.output(ctx, append([]string{"rev-parse"}, args...)...)
	if err != nil {
		return "", err
	}
	p := strings.TrimSuffix(string(out), "\n")
	if !filepath.IsAbs(p) {
		p = filepath.Join(r.dir, p)
	}
	return filepath.Abs(p)
}

// readBoundary reads the hashes in the file that a shallow clone has.
func readBoundary(file string) (map[string]bool, error) {
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	hashes := map[string]bool{}
	for h := range strings.FieldsSeq(string(text)) {
		hashes[h] = true
	}
	return hashes, nil
}
