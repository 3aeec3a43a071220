package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
)

// Commit is a commit and what it changed against its first parent. A merge
// changes nothing by itself: what it brings together was counted where it was
// made. So does a commit at the boundary of a shallow clone, since what it was
// made from is not there.
type Commit struct {
	Hash      string
	Parents   []string // as stored, whether they are in the repository or not
	Boundary  bool     // the parents are left out of a shallow clone
	Author    Person
	Committed time.Time
	Subject   string
	Changes   []Change
}

// Person is who did something, and when.
type Person struct {
	Name string
	Mail string // any bytes
	At   time.Time
}

// Change is a changed file.
type Change struct {
	Path      []byte
	From      []byte // the former path of a renamed file, otherwise nil
	Added     uint64 // lines
	Deleted   uint64
	Uncounted bool // no lines were counted: binary, or contents that are not there
}

// Commits lists the hashes of all commits that a reference or HEAD leads to,
// parents before children.
func (r *Repository) Commits(ctx context.Context) ([]string, error) {
	out, err := r.output(ctx, "rev-list", "--topo-order", "--reverse", "--all")
	if err != nil {
		return nil, fmt.Errorf("list commits: %w", err)
	}
	return strings.Fields(string(out)), nil
}

// Read iterates over the commits of the given hashes, in their order. An error
// is the last element. A commit that git cannot compare with its parent, since
// contents are missing from the repository, has its files without counts.
func (r *Repository) Read(ctx context.Context, hashes []string) iter.Seq2[Commit, error] {
	return func(yield func(Commit, error) bool) {
		for rest := hashes; len(rest) > 0; {
			read, more, err := r.readRun(ctx, rest, yield)
			if !more {
				return
			}
			rest = rest[read:]
			if err == nil {
				err = errors.New("git left commits out")
			}
			if _, ok := errors.AsType[*Error](err); ok && len(rest) > 0 {
				// git gave up on the commit after those it has read.
				var c Commit
				if c, err = r.readNames(ctx, rest[0]); err == nil {
					rest = rest[1:]
					if !yield(c, nil) {
						return
					}
					continue
				}
			}
			yield(Commit{}, fmt.Errorf("read commits: %w", err))
			return
		}
	}
}

// readRun yields commits until git fails. It reports how many it yielded, and
// whether there is more to be said: there is not when all were yielded, or when
// yield wanted no more.
func (r *Repository) readRun(ctx context.Context, hashes []string, yield func(Commit, error) bool) (read int, more bool, err error) {
	d, err := r.startDiff(ctx, hashes, "--find-renames", "--numstat")
	if err != nil {
		return 0, true, err
	}
	defer d.stop()
	for read < len(hashes) {
		c, err := d.next()
		if err == nil {
			c, err = r.completed(ctx, c)
		}
		if err == io.EOF {
			return read, true, nil
		}
		if err != nil {
			return read, true, err
		}
		if !yield(c, nil) {
			return read, false, nil
		}
		read++
	}
	return read, false, nil
}

// readNames reads one commit without comparing contents.
func (r *Repository) readNames(ctx context.Context, hash string) (Commit, error) {
	d, err := r.startDiff(ctx, []string{hash}, "--no-renames", "--name-only")
	if err != nil {
		return Commit{}, err
	}
	defer d.stop()
	d.parser.names = true
	c, err := d.next()
	if err != nil {
		return Commit{}, err
	}
	return r.completed(ctx, c)
}

// completed gives a commit at the boundary of a shallow clone its parents, and
// takes from it the changes, which are all of its files.
func (r *Repository) completed(ctx context.Context, c Commit) (Commit, error) {
	if !r.shallow[c.Hash] {
		return c, nil
	}
	c.Boundary, c.Changes = true, nil
	object, err := r.output(ctx, "cat-file", "commit", c.Hash)
	if err != nil {
		return Commit{}, err
	}
	for line := range bytes.Lines(object) {
		parent, ok := strings.CutPrefix(strings.TrimSuffix(string(line), "\n"), "parent ")
		if ok {
			c.Parents = append(c.Parents, parent)
		} else if len(c.Parents) > 0 || len(line) == 1 {
			break
		}
	}
	return c, nil
}
