package evolution

import (
	"slices"
	"strings"

	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/lock"
	"github.com/batpak-go/batpak/schema/model"
)

// projectionBP607: what a released projection folds changes with its version.
func projectionBP607(j *judge) {
	for _, p := range j.pkg.Projections {
		was := j.projection(p.Name)
		if was == nil || was.State != lock.Released {
			continue
		}
		switch {
		case p.Version < was.Version:
			j.add(given(p.Decl, "Version"), was.Pos, "BP607", "projection %s is at version %d, but version %d is released; versions do not go down: restore it", p.Var, p.Version, was.Version)
		case p.Version == was.Version && !slices.Equal(folds(p), was.Folds):
			j.add(given(p.Decl, "Fold"), was.Pos, "BP607", "projection %s %s; states of version %d that were kept would be stale: set Version: %d",
				p.Var, refolded(folds(p), was.Folds), p.Version, p.Version+1)
		}
	}
}

// projection returns what the lock file has of a projection, or nil.
func (j *judge) projection(name string) *lock.Projection {
	for i := range j.was.Projections {
		if j.was.Projections[i].Name == name {
			return &j.was.Projections[i]
		}
	}
	return nil
}

// command returns what the lock file has of a command, or nil.
func (j *judge) command(name string) *lock.Command {
	for i := range j.was.Commands {
		if j.was.Commands[i].Name == name {
			return &j.was.Commands[i]
		}
	}
	return nil
}

// folds are the kinds that a projection folds, sorted.
func folds(p *model.Projection) []lock.Kind {
	kinds := make([]lock.Kind, len(p.Fold))
	for i, h := range p.Fold {
		kinds[i] = lock.Kind(h.Event.Kind())
	}
	slices.Sort(kinds)
	return kinds
}

// refolded says how what a projection folds has changed.
func refolded(now, was []lock.Kind) string {
	var parts []string
	for _, k := range now {
		if !slices.Contains(was, k) {
			parts = append(parts, "folds "+kindText(k)+" now")
		}
	}
	for _, k := range was {
		if !slices.Contains(now, k) {
			parts = append(parts, "does not fold "+kindText(k)+" any more")
		}
	}
	return strings.Join(parts, " and ")
}

// commandBP608: that a released command loses a gate is told, since stored events
// say which gates they passed.
func commandBP608(j *judge) {
	for _, was := range j.was.Commands {
		if was.State != lock.Released {
			continue
		}
		i := slices.IndexFunc(j.pkg.Commands, func(c *model.Command) bool { return c.Name == was.Name })
		if i < 0 {
			if e := j.event(was.Event); e != nil && e.Command == nil {
				j.warn(e.Decl, "", was, "event %s is no longer guarded by command %s", e.Var, was.Name)
			}
			continue
		}
		c := j.pkg.Commands[i]
		for _, gate := range was.Gates {
			if !slices.ContainsFunc(c.Gates, func(g *model.Gate) bool { return g.Name == gate }) {
				j.warn(c.Decl, "Gates", was, "command %s does not evaluate gate %s any more, which stored events say they passed", c.Var, gate)
			}
		}
	}
}

// warn reports a warning about a declaration.
func (j *judge) warn(d model.Decl, field string, was lock.Command, format string, args ...any) {
	args = append(args, was.Name)
	j.add(given(d, field), was.Pos, "BP608", format+": restore it, or accept that with batpakgen lock -accept command:%s -reason text", args...)
	j.list[len(j.list)-1].Severity = diag.Warning
}
