package git

import (
	"bytes"
	"context"
	"io"
	"os/exec"
)

// header makes git begin a commit with a byte that begins no change, and end
// each field with NUL. The parser knows the order of the fields.
const header = "--format=%x01%H%x00%P%x00%an%x00%ae%x00%at%x00%ct%x00%s%x00"

// diff is a git process that compares commits with their parents.
type diff struct {
	ctx    context.Context // of the process
	cancel context.CancelFunc
	cmd    *exec.Cmd
	stderr *bytes.Buffer
	parser *parser
	ended  bool // the process was waited for
}

// startDiff starts git on the given commits; args say how to compare.
func (r *Repository) startDiff(ctx context.Context, hashes []string, args ...string) (*diff, error) {
	d := &diff{stderr: new(bytes.Buffer)}
	d.ctx, d.cancel = context.WithCancel(ctx)
	args = append([]string{
		"diff-tree", "--stdin", "--root", "--always", "-r", "-z", "--no-ext-diff", "--no-textconv", "--encoding=UTF-8", header,
	}, args...)
	d.cmd = r.command(d.ctx, args...)
	d.cmd.Stdin = &lines{rest: hashes}
	d.cmd.Stderr = d.stderr
	stdout, err := d.cmd.StdoutPipe()
	if err == nil {
		err = d.cmd.Start()
	}
	if err != nil {
		d.cancel()
		return nil, explain(ctx, "diff-tree", "", err)
	}
	d.parser = newParser(stdout)
	return d, nil
}

// next returns the next commit. It fails with io.EOF after the last one, and
// with an [*Error] in place of the commit that git failed in.
func (d *diff) next() (Commit, error) {
	if d.ended {
		return Commit{}, io.EOF
	}
	c, err := d.parser.next()
	if err == nil && !d.parser.ended() {
		return c, nil
	}
	if werr := d.wait(); werr != nil {
		return Commit{}, werr // rather than a commit that may be cut short
	}
	return c, err
}

// wait waits for the process to end by itself.
func (d *diff) wait() error {
	d.ended = true
	if err := d.cmd.Wait(); err != nil {
		return explain(d.ctx, "diff-tree", d.stderr.String(), err)
	}
	return nil
}

// stop ends the process if it has not ended.
func (d *diff) stop() {
	d.cancel()
	if !d.ended {
		d.ended = true
		d.cmd.Wait() // it was killed; how it ended says nothing
	}
}

// lines reads strings as lines, without a copy of them all.
type lines struct {
	line []byte
	rest []string
}

func (l *lines) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(l.line) == 0 {
			if len(l.rest) == 0 {
				break
			}
			l.line = append(append(l.line, l.rest[0]...), '\n')
			l.rest = l.rest[1:]
		}
		m := copy(p[n:], l.line)
		l.line = l.line[m:]
		n += m
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}
