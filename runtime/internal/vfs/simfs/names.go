package simfs

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// names are the names on a disk: those of the directory as they are, those of
// another one with its name and a slash before them.
type names map[string]*inode

// below are the names of one directory, without what they begin with on the disk.
func (n names) below(under string) names {
	own := names{}
	for name, file := range n {
		if rest, ok := strings.CutPrefix(name, under); ok && !strings.Contains(rest, "/") {
			own[rest] = file
		}
	}
	return own
}

// sorted lists the names in order.
func (n names) sorted() []string {
	all := slices.AppendSeq(make([]string, 0, len(n)), maps.Keys(n))
	slices.Sort(all)
	return all
}

// have reports whether a name leads to the file.
func (n names) have(file *inode) bool {
	for _, f := range n {
		if f == file {
			return true
		}
	}
	return false
}

// apply makes the changes one after the other.
func (n names) apply(moves ...move) {
	for _, m := range moves {
		if m.to != "" {
			n[m.to] = m.file
		}
		if m.from != "" {
			delete(n, m.from)
		}
	}
}

// move is one change of a directory. With both names it is a rename.
type move struct {
	file *inode
	to   string // leads to file from now on; none if empty
	from string // is taken away; none if empty
}

// under is what the names of the directory begin with that it is about.
func (m move) under() string {
	name := cmp.Or(m.to, m.from)
	return name[:strings.LastIndexByte(name, '/')+1]
}

// halves takes each rename apart.
func halves(moves []move) []move {
	var out []move
	for _, m := range moves {
		out = append(out, move{file: m.file, to: m.to}, move{from: m.from})
	}
	return out
}

// cloner copies files, each once, so that names which shared one still do.
type cloner map[*inode]*inode

func (c cloner) file(n *inode) *inode {
	if n != nil && c[n] == nil {
		c[n] = n.copy()
	}
	return c[n]
}

func (c cloner) names(n names) names {
	out := make(names, len(n))
	for name, file := range n {
		out[name] = c.file(file)
	}
	return out
}
