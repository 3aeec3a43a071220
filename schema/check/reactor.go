package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/model"
)

// reactorBP501: what reactors emit does not lead back to them, unless one of them
// says that it may.
func reactorBP501(c *checker) {
	reported := make(map[*model.Reactor]bool)
	for _, r := range c.pkg.Reactors {
		if r.Loop || r.Broken || reported[r] {
			continue
		}
		for i, e := range r.Emits {
			if reacts(r, e) {
				c.add(r.EmitsPos[i], "BP501", "reactor %s reacts to %s and emits it: this loops; set Loop if that ends", r.Var, e.Var)
				reported[r] = true
				continue
			}
			if path := c.back(r, e); path != nil && !reported[r] {
				names := make([]string, 0, len(path))
				var related []diag.Related
				for _, next := range path {
					reported[next] = true
					names = append(names, next.Var)
					related = append(related, diag.Related{Pos: next.Pos, Message: next.Var + " goes on from there"})
				}
				reported[r] = true
				c.list = append(c.list, diag.Diagnostic{
					Pos: r.EmitsPos[i], Code: "BP501", Related: related,
					Message: fmt.Sprintf("what reactor %s emits leads back to it through %s: this loops; set Loop on one of them if that ends",
						r.Var, strings.Join(names, ", ")),
				})
			}
		}
	}
}

// reacts reports whether a reactor reacts to an event.
func reacts(r *model.Reactor, e *model.Event) bool {
	return slices.ContainsFunc(r.On, func(h model.Handler) bool { return h.Event == e })
}

// back returns the shortest way over other reactors from an event that r emits to
// one that it reacts to, or nil.
func (c *checker) back(r *model.Reactor, e *model.Event) []*model.Reactor {
	type step struct {
		reactor *model.Reactor
		before  int // index in ways, or -1
	}
	var ways []step
	seen := map[*model.Reactor]bool{r: true}
	follow := func(e *model.Event, before int) {
		for _, next := range c.pkg.Reactors {
			if !seen[next] && !next.Loop && !next.Broken && reacts(next, e) {
				seen[next] = true
				ways = append(ways, step{next, before})
			}
		}
	}
	follow(e, -1)
	for i := 0; i < len(ways); i++ {
		for _, emitted := range ways[i].reactor.Emits {
			if reacts(r, emitted) {
				var path []*model.Reactor
				for at := i; at >= 0; at = ways[at].before {
					path = append(path, ways[at].reactor)
				}
				slices.Reverse(path)
				return path
			}
			follow(emitted, i)
		}
	}
	return nil
}

// reactorBP502: a reactor has a name of its own, reacts to something, and to each
// event once.
func reactorBP502(c *checker) {
	names := make(unique[string])
	for _, r := range c.pkg.Reactors {
		c.name("BP502", "reactor", r.Decl, r.Name, names)
		if len(r.On) == 0 && !r.Broken {
			c.add(given(r.Decl, "On"), "BP502", "reactor %s reacts to no event", r.Var)
		}
		events := make(unique[*model.Event])
		for _, h := range r.On {
			if first, taken := events.take(h.Event, holder{h.Event.Var, h.Pos}); taken {
				c.addRelated(h.Pos, diag.Related{Pos: first.pos, Message: "first mentioned here"}, "BP502", "reactor %s reacts to %s twice", r.Var, h.Event.Var)
			}
		}
		emitted := make(unique[*model.Event])
		for i, e := range r.Emits {
			if first, taken := emitted.take(e, holder{e.Var, r.EmitsPos[i]}); taken {
				c.addRelated(r.EmitsPos[i], diag.Related{Pos: first.pos, Message: "first mentioned here"}, "BP502", "reactor %s emits %s twice", r.Var, e.Var)
			}
		}
	}
}
