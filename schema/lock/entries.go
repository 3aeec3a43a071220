package lock

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/batpak-go/batpak/schema/lock/internal/node"
	"github.com/batpak-go/batpak/schema/shape"
)

// root reads the whole of a file. A later format is told before anything else is
// looked at, which may be different in it.
func (d *decoder) root(n node.Node) {
	for _, m := range n.Members {
		if m.Name.Text != "format" {
			continue
		}
		if format := d.Number(m.Value, 32); format > Format {
			d.newer = &Error{Pos: m.Value.Pos, Err: ErrNewer, Detail: fmt.Sprintf("found %d, known %d", format, Format)}
		}
	}
	f := d.file
	d.Object(n, node.Fields{
		"format":   func(node.Node) {},
		"package":  d.Into(&f.Package),
		"entities": func(n node.Node) { d.Keyed(n, d.entity) },
		"events":   func(n node.Node) { d.Keyed(n, d.event) },
		"retired": func(n node.Node) {
			d.Keyed(n, func(key, value node.Node) {
				f.Retired = append(f.Retired, Retired{Kind: d.kind(key), Name: d.Text(value), Pos: key.Pos})
			})
		},
		"commands":    func(n node.Node) { d.Keyed(n, d.command) },
		"projections": func(n node.Node) { d.Keyed(n, d.projection) },
		"accepted": func(n node.Node) {
			if n.Kind != node.Array {
				d.Fail(n.Pos, "want an array")
			}
			for _, item := range n.Items {
				d.acceptance(item)
			}
		},
	})
	f.Sort()
	d.agree()
}

// agree checks that no kind is both an event and retired. A merge can make it so,
// and a repair lets it be retired.
func (d *decoder) agree() {
	if d.repair {
		d.file.dropRetired()
	}
	for _, r := range d.file.Retired {
		if d.file.Event(r.Kind) != nil {
			d.Fail(r.Pos, "%v is retired and an event", r.Kind)
		}
	}
}

// Sort puts the entries in canonical order.
func (f *File) Sort() {
	slices.SortFunc(f.Entities, func(a, b Entity) int { return strings.Compare(a.Prefix, b.Prefix) })
	slices.SortFunc(f.Events, func(a, b Event) int { return cmp.Compare(a.Kind, b.Kind) })
	slices.SortFunc(f.Retired, func(a, b Retired) int { return cmp.Compare(a.Kind, b.Kind) })
	slices.SortFunc(f.Commands, func(a, b Command) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(f.Projections, func(a, b Projection) int { return strings.Compare(a.Name, b.Name) })
	slices.SortStableFunc(f.Accepted, Acceptance.compare)
	for _, e := range f.Events {
		slices.SortFunc(e.Versions, func(a, b Version) int { return cmp.Compare(a.Number, b.Number) })
	}
}

// entity reads an entity.
func (d *decoder) entity(key, value node.Node) {
	e := Entity{Prefix: key.Text, Pos: key.Pos}
	d.Object(value, node.Fields{
		"scope": d.Into(&e.Scope),
		"id": func(n node.Node) {
			if e.ID = ID(d.Text(n)); !e.ID.valid() {
				d.Fail(n.Pos, "unknown type of ids %q", n.Text)
			}
		},
	}, "id")
	d.file.Entities = append(d.file.Entities, e)
}

// event reads an event.
func (d *decoder) event(key, value node.Node) {
	e := Event{Kind: d.kind(key), Pos: key.Pos}
	d.Object(value, node.Fields{
		"name":   d.Into(&e.Name),
		"entity": d.Into(&e.Entity),
		"versions": func(n node.Node) {
			d.Keyed(n, func(key, value node.Node) { e.Versions = append(e.Versions, d.version(key, value)) })
		},
	})
	if len(e.Versions) == 0 {
		d.Fail(key.Pos, "event %v has no version", e.Kind)
	}
	d.file.Events = append(d.file.Events, e)
}

// version reads a version of an event.
func (d *decoder) version(key, value node.Node) Version {
	v := Version{Number: uint16(d.Number(key, 16)), Pos: key.Pos}
	if key.Text != strconv.Itoa(int(v.Number)) {
		d.Fail(key.Pos, "want %q", strconv.Itoa(int(v.Number)))
	}
	fingerprint := ""
	d.Object(value, node.Fields{
		"state":   func(n node.Node) { v.State = d.state(n, Draft, Released, Revised) },
		"b3":      d.Into(&fingerprint),
		"shape":   func(n node.Node) { v.Shape = d.shape(n) },
		"earlier": func(n node.Node) { v.Earlier = d.shapes(n) },
		"frozen":  d.Into(&v.Frozen),
	}, "earlier", "frozen")
	switch {
	case fingerprint != shape.Fingerprint(v.Shape) && !(d.repair && v.State == Draft):
		d.Fail(key.Pos, "the shape of version %d was altered: its fingerprint is %s, not %s", v.Number, shape.Fingerprint(v.Shape), fingerprint)
	case v.State == Draft && len(v.Earlier) > 0, v.State == Revised && len(v.Earlier) == 0:
		d.Fail(key.Pos, "version %d is %s with %d earlier shapes", v.Number, v.State, len(v.Earlier))
	case v.State == Draft && v.Frozen != "":
		d.Fail(key.Pos, "version %d is a draft with frozen payloads", v.Number)
	}
	return v
}

// command reads a command.
func (d *decoder) command(key, value node.Node) {
	c := Command{Name: key.Text, Pos: key.Pos}
	d.Object(value, node.Fields{
		"state": func(n node.Node) { c.State = d.state(n, Draft, Released) },
		"event": func(n node.Node) { c.Event = d.kind(n) },
		"gates": func(n node.Node) { c.Gates = d.Texts(n) },
	})
	d.file.Commands = append(d.file.Commands, c)
}

// projection reads a projection.
func (d *decoder) projection(key, value node.Node) {
	p := Projection{Name: key.Text, Pos: key.Pos}
	d.Object(value, node.Fields{
		"state":   func(n node.Node) { p.State = d.state(n, Draft, Released) },
		"version": func(n node.Node) { p.Version = uint32(d.Number(n, 32)) },
		"folds": func(n node.Node) {
			if n.Kind != node.Array {
				d.Fail(n.Pos, "want an array")
			}
			for _, item := range n.Items {
				p.Folds = append(p.Folds, d.kind(item))
			}
			slices.Sort(p.Folds)
		},
	})
	d.file.Projections = append(d.file.Projections, p)
}

// acceptance reads the record of something that was given back.
func (d *decoder) acceptance(n node.Node) {
	a := Acceptance{Pos: n.Pos}
	var was node.Node
	named := func(of string) func(node.Node) {
		return func(n node.Node) {
			if a.Of != "" {
				d.Fail(n.Pos, "want one of an event, a command and a projection")
			}
			a.Of, a.Name = of, d.Text(n)
			if of == OfEvent {
				d.kind(n)
			}
		}
	}
	d.Object(n, node.Fields{
		OfEvent:      named(OfEvent),
		OfCommand:    named(OfCommand),
		OfProjection: named(OfProjection),
		"version":    func(n node.Node) { a.Version = uint32(d.Number(n, 32)) },
		"was":        func(n node.Node) { was, a.Was = n, d.Texts(n) },
		"reason":     d.Into(&a.Reason),
	}, OfEvent, OfCommand, OfProjection, "version")
	if a.Of == OfEvent {
		d.shapes(was)
	}
	switch {
	case a.Name == "":
		d.Fail(n.Pos, "it is not said what was given back")
	case (a.Version == 0) != (a.Of == OfCommand):
		d.Fail(n.Pos, "an event and a projection have a version, a command has none")
	case a.Reason == "":
		d.Fail(n.Pos, "no reason is given")
	}
	d.file.Accepted = append(d.file.Accepted, a)
}
