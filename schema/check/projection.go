package check

import (
	"go/token"
	"slices"
	"strings"

	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/model"
)

// projectionBP301: a projection handles every event of its entity, or one that
// folds from all streams every event of the entities of which it folds one.
func projectionBP301(c *checker) {
	for _, p := range c.pkg.Projections {
		if p.Broken || len(p.Fold) == 0 {
			continue
		}
		var missing []string
		for _, e := range c.pkg.Events {
			if e.Entity != nil && concerns(p, e.Entity) && !mentions(p, e) {
				missing = append(missing, e.Var)
			}
		}
		if len(missing) > 0 {
			them := "it"
			if len(missing) > 1 {
				them = "them"
			}
			c.add(p.Pos, "BP301", "projection %s %s: add schema.On(...) or list %s under Ignore", p.Var, neglect(missing), them)
		}
	}
}

// concerns reports whether a projection is about the streams of an entity.
func concerns(p *model.Projection, en *model.Entity) bool {
	if p.Per != nil {
		return p.Per == en
	}
	return slices.ContainsFunc(p.Fold, func(h model.Handler) bool { return h.Event.Entity == en })
}

// neglect says that a projection does not handle some events.
func neglect(events []string) string {
	last := len(events) - 1
	switch last {
	case 0:
		return "does not handle " + events[0]
	case 1:
		return "handles neither " + events[0] + " nor " + events[1]
	}
	return "handles none of " + strings.Join(events[:last], ", ") + " and " + events[last]
}

// mentions reports whether a projection folds or ignores an event.
func mentions(p *model.Projection, e *model.Event) bool {
	return slices.Contains(p.Ignore, e) || slices.ContainsFunc(p.Fold, func(h model.Handler) bool { return h.Event == e })
}

// mention is an event in the lists of a projection.
type mention struct {
	event *model.Event
	pos   token.Position
}

// mentioned returns the events that a projection folds, then those it ignores.
func mentioned(p *model.Projection) []mention {
	list := make([]mention, 0, len(p.Fold)+len(p.Ignore))
	for _, h := range p.Fold {
		list = append(list, mention{h.Event, h.Pos})
	}
	for i, e := range p.Ignore {
		list = append(list, mention{e, p.IgnorePos[i]})
	}
	return list
}

// projectionBP302: a projection mentions an event once.
func projectionBP302(c *checker) {
	for _, p := range c.pkg.Projections {
		events := make(unique[*model.Event])
		for _, m := range mentioned(p) {
			if first, taken := events.take(m.event, holder{m.event.Var, m.pos}); taken {
				c.addRelated(m.pos, diag.Related{Pos: first.pos, Message: "first mentioned here"}, "BP302", "projection %s mentions event %s twice", p.Var, m.event.Var)
			}
		}
	}
}

// projectionBP303: a projection mentions events of its own entity, or one that
// folds from all streams of entities that it is about.
func projectionBP303(c *checker) {
	for _, p := range c.pkg.Projections {
		if p.Broken {
			continue
		}
		for _, m := range mentioned(p) {
			switch en := m.event.Entity; {
			case en == nil || concerns(p, en):
			case p.Per == nil:
				c.add(m.pos, "BP303", "projection %s ignores %s, but folds no event of entity %s", p.Var, m.event.Var, en.Var)
			default:
				c.add(m.pos, "BP303", "%s belongs to entity %s, projection %s is per %s", m.event.Var, m.event.Entity.Var, p.Var, p.Per.Var)
			}
		}
	}
}

// projectionBP305: a projection folds something.
func projectionBP305(c *checker) {
	for _, p := range c.pkg.Projections {
		if len(p.Fold) == 0 && !p.Broken {
			c.add(given(p.Decl, "Fold"), "BP305", "projection %s folds no event", p.Var)
		}
	}
}

// projectionBP307: names of projections are well-formed and unique.
func projectionBP307(c *checker) {
	names := make(unique[string])
	for _, p := range c.pkg.Projections {
		c.name("BP307", "projection", p.Decl, p.Name, names)
	}
}

// name checks the name of a projection, gate, command or reactor.
func (c *checker) name(code, what string, d model.Decl, name string, names unique[string]) {
	at := given(d, "Name")
	switch {
	case name == "" && unread(d, "Name"):
	case !namePattern.MatchString(name):
		c.add(at, code, "%s name %q of %s must be lower-case words with dashes", what, name, d.Var)
	default:
		if first, taken := names.take(name, holder{d.Var, at}); taken {
			c.addRelated(at, diag.Related{Pos: first.pos, Message: "first used here"}, code, "%s name %q is already used by %s", what, name, first.name)
		}
	}
}

// projectionBP308: a projection has a version.
func projectionBP308(c *checker) {
	for _, p := range c.pkg.Projections {
		if p.Version == 0 && !unread(p.Decl, "Version") {
			c.add(given(p.Decl, "Version"), "BP308", "projection %s needs a Version; versions start at 1", p.Var)
		}
	}
}
