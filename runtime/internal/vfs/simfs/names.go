package simfs

import (
	"cmp"
	"slices"
	"strings"
)

// names are the names on a disk, in order: those of the directory as they are, those of
// another one with its name and a slash before them. They are never changed, so that
// disks may share them.
type names []entry

type entry struct {
	name string
	file *inode
}

// find returns the place of a name, or the one that it would have.
func (n names) find(name string) (int, bool) {
	return slices.BinarySearchFunc(n, name, func(e entry, name string) int { return strings.Compare(e.name, name) })
}

// file is what the name leads to, nil if there is none.
func (n names) file(name string) *inode {
	if i, ok := n.find(name); ok {
		return n[i].file
	}
	return nil
}

// below are the names of one directory, without what they begin with on the disk.
func (n names) below(under string) names {
	own := make(names, 0, len(n))
	for _, e := range n {
		if rest, ok := strings.CutPrefix(e.name, under); ok && !strings.Contains(rest, "/") {
			own = append(own, entry{rest, e.file})
		}
	}
	return own
}

// have reports whether a name leads to the file.
func (n names) have(file *inode) bool {
	return slices.ContainsFunc(n, func(e entry) bool { return e.file == file })
}

// with are the names after changes, one after the other.
func (n names) with(moves ...move) names {
	if len(moves) == 0 || len(moves) == 1 && moves[0].from == "" && n.file(moves[0].to) == moves[0].file {
		return n
	}
	own := append(make(names, 0, len(n)+len(moves)), n...)
	for _, m := range moves {
		if i, ok := own.find(m.to); ok {
			own[i].file = m.file
		} else if m.to != "" {
			own = slices.Insert(own, i, entry{m.to, m.file})
		}
		if i, ok := own.find(m.from); ok {
			own = slices.Delete(own, i, i+1)
		}
	}
	return own
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

// each are the same names of other files.
func (n names) each(other func(*inode) *inode) names {
	out := slices.Clone(n)
	for i := range out {
		out[i].file = other(out[i].file)
	}
	return out
}

// once makes another file of each, once, so that names which shared one still do. Files
// are few: to look through them takes less than a map.
func once(other func(*inode) *inode) func(*inode) *inode {
	from, to := make([]*inode, 1, 16), make([]*inode, 1, 16) // of no file, none
	return func(n *inode) *inode {
		i := slices.Index(from, n)
		if i < 0 {
			i, from, to = len(to), append(from, n), append(to, other(n))
		}
		return to[i]
	}
}
