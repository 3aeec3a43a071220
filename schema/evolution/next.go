package evolution

import (
	"slices"

	"github.com/batpak-go/batpak/schema/lock"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/shape"
)

// next is the lock file that goes with the schema.
func (j *judge) next() *lock.File {
	f := &lock.File{Package: j.pkg.Path, Retired: j.retired(), Accepted: j.was.Accepted}
	for _, en := range j.pkg.Entities {
		f.Entities = append(f.Entities, lock.Entity{Prefix: en.Prefix, Scope: en.Scope, ID: lock.ID(en.ID.Basic)})
	}
	for _, e := range j.pkg.Events {
		f.Events = append(f.Events, j.nextEvent(e))
	}
	for _, c := range j.pkg.Commands {
		f.Commands = append(f.Commands, j.nextCommand(c))
	}
	for _, p := range j.pkg.Projections {
		f.Projections = append(f.Projections, j.nextProjection(p))
	}
	f.Sort()
	return f
}

// retired are the kinds that are retired for good, those that the schema no longer
// lists included.
func (j *judge) retired() []lock.Retired {
	list := slices.Clone(j.was.Retired)
	for _, r := range j.pkg.Retired {
		k := lock.Kind(r.Kind())
		if !slices.ContainsFunc(list, func(r lock.Retired) bool { return r.Kind == k }) {
			list = append(list, lock.Retired{Kind: k, Name: r.Name})
		}
	}
	return list
}

// nextEvent is what the lock file says of an event.
func (j *judge) nextEvent(e *model.Event) lock.Event {
	next := lock.Event{Kind: lock.Kind(e.Kind()), Name: e.Payload.Name, Entity: e.Entity.Prefix}
	for i, s := range shapes(e) {
		number := uint16(i + 1)
		v := lock.Version{Number: number, State: lock.Draft, Shape: shape.Text(s)}
		was := j.version(e, number)
		if was != nil && was.State == lock.Released && number < e.Version {
			v = *was // whatever an enumeration in it got, see eventBP605
		} else if was != nil {
			grow(&v, was)
		}
		next.Versions = append(next.Versions, v)
	}
	return next
}

// grow gives a version, whose shape is that of the schema, the promises that were
// made of it.
func grow(v, was *lock.Version) {
	promises := was.Promises()
	if len(promises) == 0 {
		return
	}
	v.State, v.Frozen = lock.Released, was.Frozen
	if last := len(promises) - 1; promises[last] == v.Shape {
		promises = promises[:last]
	} else {
		v.State = lock.Revised
	}
	if len(promises) > 0 {
		v.Earlier = promises
	}
}

// nextCommand is what the lock file says of a command. One that changes is a draft
// again.
func (j *judge) nextCommand(c *model.Command) lock.Command {
	next := lock.Command{Name: c.Name, State: lock.Draft, Event: lock.Kind(c.Event.Kind())}
	for _, g := range c.Gates {
		next.Gates = append(next.Gates, g.Name)
	}
	if was := j.command(c.Name); was != nil && was.Event == next.Event && slices.Equal(was.Gates, next.Gates) {
		next.State = was.State
	}
	return next
}

// nextProjection is what the lock file says of a projection. Each version of it is
// a draft at first.
func (j *judge) nextProjection(p *model.Projection) lock.Projection {
	next := lock.Projection{Name: p.Name, State: lock.Draft, Version: p.Version, Folds: folds(p)}
	if was := j.projection(p.Name); was != nil && was.Version == next.Version {
		next.State = was.State
	}
	return next
}
