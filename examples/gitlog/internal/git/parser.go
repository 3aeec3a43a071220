package git

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxField is the longest field in bytes that is kept; what is longer is cut.
const maxField = 1 << 16

// parser reads commits from the output of git diff-tree. Everything ends with
// NUL; the first change of a commit begins with a line feed.
//
//	commit   01 hash, parents, author, mail, author time, commit time, subject, ""  change*
//	change   added TAB deleted TAB path         "-" for a number that was not counted
//	         added TAB deleted TAB ""  from  path
//	         path                               if only names were asked for
type parser struct {
	r     *bufio.Reader
	names bool // changes are paths
}

func newParser(r io.Reader) *parser { return &parser{r: bufio.NewReaderSize(r, 1<<16)} }

// ended reports whether nothing follows.
func (p *parser) ended() bool {
	_, err := p.r.Peek(1)
	return err != nil
}

// next reads a commit with its changes; io.EOF means that there is none.
func (p *parser) next() (Commit, error) {
	if p.ended() {
		return Commit{}, io.EOF
	}
	c, err := p.header()
	for first := true; err == nil; first = false {
		lead, perr := p.r.Peek(1)
		if perr != nil || lead[0] == 1 && !p.names {
			break
		}
		if first && lead[0] == '\n' {
			p.r.Discard(1)
		}
		var change Change
		if change, err = p.change(); err == nil {
			c.Changes = append(c.Changes, change)
		}
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return Commit{}, fmt.Errorf("output of git diff-tree: %w", err)
	}
	return c, nil
}

// header reads the fields of a commit.
func (p *parser) header() (Commit, error) {
	var fields [8]string
	for i := range fields {
		f, err := p.field()
		if err != nil {
			return Commit{}, err
		}
		fields[i] = string(f)
	}
	hash, ok := strings.CutPrefix(fields[0], "\x01")
	if !ok || hash == "" || fields[7] != "" {
		return Commit{}, fmt.Errorf("%.80q is not the beginning of a commit", fields[0])
	}
	return Commit{
		Hash:      hash,
		Parents:   strings.Fields(fields[1]),
		Author:    Person{Name: text(fields[2]), Mail: fields[3], At: instant(fields[4])},
		Committed: instant(fields[5]),
		Subject:   text(fields[6]),
	}, nil
}

// change reads a changed file.
func (p *parser) change() (Change, error) {
	f, err := p.field()
	if err != nil {
		return Change{}, err
	}
	if p.names {
		return Change{Path: slices.Clone(f), Uncounted: true}, nil
	}
	added, rest, ok1 := bytes.Cut(f, []byte{'\t'})
	deleted, path, ok2 := bytes.Cut(rest, []byte{'\t'})
	if !ok1 || !ok2 {
		return Change{}, fmt.Errorf("%.80q is not a change", f)
	}
	c := Change{Path: slices.Clone(path)}
	if string(added) == "-" && string(deleted) == "-" {
		c.Uncounted = true
	} else if c.Added, err = strconv.ParseUint(string(added), 10, 64); err != nil {
		return Change{}, fmt.Errorf("lines added: %w", err)
	} else if c.Deleted, err = strconv.ParseUint(string(deleted), 10, 64); err != nil {
		return Change{}, fmt.Errorf("lines deleted: %w", err)
	}
	if len(path) > 0 {
		return c, nil
	}
	if f, err = p.field(); err != nil {
		return Change{}, err
	}
	c.From = slices.Clone(f)
	if f, err = p.field(); err != nil {
		return Change{}, err
	}
	c.Path = slices.Clone(f)
	return c, nil
}

// field reads up to the next NUL, and drops what is beyond maxField. The result
// is good until the next read.
func (p *parser) field() ([]byte, error) {
	f, err := p.r.ReadSlice(0)
	if err == nil {
		return f[:len(f)-1], nil
	}
	kept := slices.Clone(f)
	for errors.Is(err, bufio.ErrBufferFull) {
		f, err = p.r.ReadSlice(0)
		if room := maxField - len(kept); room > 0 {
			kept = append(kept, f[:min(room, len(f))]...)
		}
	}
	return bytes.TrimSuffix(kept, []byte{0}), err
}

// text is s with what is not UTF-8 replaced.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// instant is the time of a number of seconds, or the zero time for what git
// makes of a time that it cannot read.
func instant(seconds string) time.Time {
	s, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}
