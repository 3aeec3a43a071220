package lock

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// Repair reads a lock file that a merge or an editor has left in disorder: with
// conflict markers, with entries out of order or twice, with drafts that were
// changed by hand. Where there are markers the two sides are read as two files,
// and joined:
//
//   - what one side has is kept; what is too much is a draft, and goes when the
//     file is brought up to date with the schema;
//   - a released version wins over a draft, and of two that were released the one
//     that grew out of the other;
//   - of two types of an entity's ids the wider one stays, if one is;
//   - a kind that one side has retired is retired, a version that one side has
//     given back is given back.
//
// Of what both sides have as drafts one is as good as the other. Versions that
// were released with two shapes of which neither grew out of the other cannot be
// joined: the error wraps [ErrDisagree].
func Repair(name string, data []byte) (*File, error) {
	data = unixLines(data)
	ours, theirs, marker := sides(data)
	if marker.broken {
		return nil, &Error{Pos: position(name, data, marker.at), Err: ErrSyntax, Detail: "conflict markers that do not belong together"}
	}
	m := new(merger)
	var err error
	if m.ours, err = parse(name, ours, true); err != nil {
		return nil, err
	}
	if m.theirs, err = parse(name, theirs, true); err != nil {
		return nil, err
	}
	f := m.merge()
	if m.err != nil {
		return nil, m.err
	}
	return f, nil
}

// markers says what is known of conflict markers.
type markers struct {
	found, broken bool
	at            int // the first marker, or the one that is broken
}

// The parts of a file with conflict markers.
const (
	inBoth = iota
	inOurs
	inBase // of the style of conflicts that shows it
	inTheirs
)

// sides returns the two files that were merged. A line of the other side is an
// empty line, so that positions stay what they are.
func sides(data []byte) (ours, theirs []byte, m markers) {
	part, at := inBoth, 0
	for line := range bytes.Lines(data) {
		next, marks := part, true
		switch {
		case bytes.HasPrefix(line, []byte("<<<<<<<")):
			next, m.broken = inOurs, m.broken || part != inBoth
		case bytes.HasPrefix(line, []byte("|||||||")):
			next, m.broken = inBase, m.broken || part != inOurs
		case bytes.HasPrefix(line, []byte("=======")):
			next, m.broken = inTheirs, m.broken || part != inOurs && part != inBase
		case bytes.HasPrefix(line, []byte(">>>>>>>")):
			next, m.broken = inBoth, m.broken || part != inTheirs
		default:
			marks = false
		}
		if marks && !m.found || m.broken {
			m.found, m.at = true, at
		}
		if m.broken {
			return nil, nil, m
		}
		ours = appendLine(ours, line, !marks && (part == inBoth || part == inOurs))
		theirs = appendLine(theirs, line, !marks && (part == inBoth || part == inTheirs))
		part, at = next, at+len(line)
	}
	if part != inBoth {
		m.broken = true
	}
	return ours, theirs, m
}

// appendLine appends a line, or an empty one in its place.
func appendLine(dst, line []byte, keep bool) []byte {
	if !keep {
		line = []byte("\n")
	}
	return append(dst, line...)
}

// merger joins two files.
type merger struct {
	ours, theirs *File
	err          error
}

// merge joins the files entry by entry.
func (m *merger) merge() *File {
	a, b := m.ours, m.theirs
	f := &File{
		Package:  a.Package,
		Entities: union(a.Entities, b.Entities, func(e Entity) string { return e.Prefix }, wider),
		Events:   union(a.Events, b.Events, func(e Event) Kind { return e.Kind }, m.event),
		Retired:  union(a.Retired, b.Retired, func(r Retired) Kind { return r.Kind }, first),
		Commands: union(m.commands(a, b), m.commands(b, a), func(c Command) string { return c.Name }, func(a, b Command) Command {
			if b.State == Released && a.State != Released {
				return b
			}
			return a
		}),
		Projections: union(m.projections(a, b), m.projections(b, a), func(p Projection) string { return p.Name }, func(a, b Projection) Projection {
			if b.Version > a.Version || b.Version == a.Version && b.State == Released {
				return b
			}
			return a
		}),
		Accepted: union(a.Accepted, b.Accepted, Acceptance.key, first),
	}
	f.Sort()
	f.dropRetired()
	return f
}

// dropRetired removes events that are retired.
func (f *File) dropRetired() {
	f.Events = slices.DeleteFunc(f.Events, func(e Event) bool {
		_, retired := slices.BinarySearchFunc(f.Retired, e.Kind, func(r Retired, k Kind) int { return cmp.Compare(r.Kind, k) })
		return retired
	})
}

// union joins two lists of entries, and entries of one list that have the same
// key, as a merge may leave them. What there is twice is for both to say.
func union[T any, K comparable](ours, theirs []T, key func(T) K, both func(a, b T) T) []T {
	var list []T
	at := make(map[K]int, len(ours))
	for _, t := range slices.Concat(ours, theirs) {
		k := key(t)
		if i, found := at[k]; found {
			list[i] = both(list[i], t)
			continue
		}
		at[k] = len(list)
		list = append(list, t)
	}
	return list
}

// first is for entries of which one is as good as the other.
func first[T any](a, _ T) T { return a }

// wider joins what both sides say of an entity: of two types of ids it keeps the one
// that names the streams of both.
func wider(a, b Entity) Entity {
	if b.ID != "" && (a.ID == "" || b.ID.Covers(a.ID)) {
		a.ID = b.ID
	}
	return a
}

// event joins what both sides say of an event.
func (m *merger) event(a, b Event) Event {
	a.Versions = union(
		given(a, m.ours, m.theirs), given(b, m.theirs, m.ours),
		func(v Version) uint16 { return v.Number },
		func(x, y Version) Version { return m.version(a.Kind, x, y) },
	)
	return a
}

// given are the versions of an event of one side, as drafts those that the other
// side has given back since the two parted.
func given(e Event, side, other *File) []Version {
	list := slices.Clone(e.Versions)
	for i, v := range list {
		if gaveBack(other, side, Acceptance{Of: OfEvent, Name: e.Kind.String(), Version: uint32(v.Number), Was: v.Promises()}) {
			list[i] = Version{Number: v.Number, State: Draft, Shape: v.Shape, Pos: v.Pos}
		}
	}
	return list
}

// commands are those of one side, as drafts those that the other side has given back.
func (*merger) commands(side, other *File) []Command {
	list := slices.Clone(side.Commands)
	for i, c := range list {
		if c.State == Released && gaveBack(other, side, c.Acceptance("")) {
			list[i].State = Draft
		}
	}
	return list
}

// projections are the same of projections.
func (*merger) projections(side, other *File) []Projection {
	list := slices.Clone(side.Projections)
	for i, p := range list {
		if p.State == Released && gaveBack(other, side, p.Acceptance("")) {
			list[i].State = Draft
		}
	}
	return list
}

// gaveBack reports whether one side has given something back, as it was, since it
// parted from the other.
func gaveBack(one, other *File, what Acceptance) bool {
	known := other.AcceptedOf(what.Of, what.Name, what.Version)
	return slices.ContainsFunc(one.AcceptedOf(what.Of, what.Name, what.Version), func(a Acceptance) bool {
		before := slices.ContainsFunc(known, func(k Acceptance) bool { return k.key() == a.key() })
		return !before && slices.Equal(a.Was, what.Was)
	})
}

// version joins what both sides say of a version.
func (m *merger) version(k Kind, a, b Version) Version {
	x, y := a.Promises(), b.Promises()
	switch {
	case len(x) >= len(y) && slices.Equal(x[:len(y)], y):
		a.Frozen = cmp.Or(a.Frozen, b.Frozen) // there was no file without payloads once
		return a
	case len(y) > len(x) && slices.Equal(y[:len(x)], x):
		b.Frozen = cmp.Or(b.Frozen, a.Frozen)
		return b
	}
	if m.err == nil {
		m.err = &Error{Pos: b.Pos, Err: ErrDisagree, Detail: fmt.Sprintf(
			"version %d of %v was released as %s and as %s", a.Number, k, x[len(x)-1], y[len(y)-1])}
	}
	return a
}

// key tells records of different acts apart.
func (a Acceptance) key() string {
	return fmt.Sprintf("%s %q@%d %q %q", a.Of, a.Name, a.Version, a.Was, a.Reason)
}
