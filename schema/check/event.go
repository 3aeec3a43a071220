package check

import (
	"fmt"
	"strings"

	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/model"
)

// The categories that the runtime keeps for itself.
const (
	categorySystem = 0x0
	categoryEffect = 0xD
)

// maxCategory and maxType are what fits in the 4 and 12 bits of a kind.
const (
	maxCategory = 0xF
	maxType     = 0xFFF
)

// eventBP110: an event has a category, a type and an entity.
func eventBP110(c *checker) {
	for _, e := range c.pkg.Events {
		var missing []string
		for _, field := range []string{"Category", "Type", "Entity"} {
			if lacks(e.Decl, field) {
				missing = append(missing, field)
			}
		}
		if len(missing) > 0 {
			c.add(e.Pos, "BP110", "event %s needs %s", e.Var, strings.Join(missing, ", "))
		}
	}
}

// eventBP111: the category is one that applications may write.
func eventBP111(c *checker) {
	for _, e := range c.pkg.Events {
		at := given(e.Decl, "Category")
		switch {
		case !has(e.Decl, "Category"):
		case e.Category == categorySystem && !unread(e.Decl, "Category"):
			c.add(at, "BP111", "category 0x0 is reserved for the store's own events; use 0x1 to 0xf except 0xd")
		case e.Category == categoryEffect:
			c.add(at, "BP111", "category 0xd is reserved for effect events; use 0x1 to 0xf except 0xd")
		case e.Category > maxCategory:
			c.add(at, "BP111", "category %#x does not fit in 4 bits; use 0x1 to 0xf except 0xd", e.Category)
		}
	}
}

// eventBP112: the type fits in 12 bits.
func eventBP112(c *checker) {
	for _, e := range c.pkg.Events {
		if e.Type > maxType {
			c.add(given(e.Decl, "Type"), "BP112", "type id %#x does not fit in 12 bits", e.Type)
		}
	}
}

// eventBP113: no two events of a run have one kind.
func eventBP113(c *checker) {
	kinds := make(unique[uint16])
	for _, pkg := range c.all {
		for _, e := range pkg.Events {
			if e.Category > maxCategory || e.Type > maxType || !has(e.Decl, "Category") || !has(e.Decl, "Type") || e.Broken {
				continue
			}
			name := e.Var
			if pkg != c.pkg {
				name = pkg.Name + "." + name
			}
			first, taken := kinds.take(e.Kind(), holder{name, e.Pos})
			if taken && pkg == c.pkg {
				c.addRelated(given(e.Decl, "Type"), first.related(), "BP113", "kind %#x/%#03x of %s is already taken by %s", e.Category, e.Type, e.Var, first.name)
			}
		}
	}
}

// eventBP114: a payload type belongs to one event, since its name is the event's.
func eventBP114(c *checker) {
	payloads := make(unique[*model.Struct])
	for _, e := range c.pkg.Events {
		if first, taken := payloads.take(e.Payload, holder{e.Var, e.Pos}); taken {
			c.addRelated(e.Pos, first.related(), "BP114", "payload %s already belongs to event %s", e.Payload.Name, first.name)
		}
	}
}

// retiredBP115: a kind that was retired is a possible one, was retired once, and is
// given to no event of the run.
func retiredBP115(c *checker) {
	kinds := make(unique[uint16])
	for _, pkg := range c.all {
		for i := range pkg.Retired {
			r := &pkg.Retired[i]
			text := fmt.Sprintf("kind %#x/%#03x", r.Category, r.Type)
			if r.Category == categorySystem || r.Category == categoryEffect || r.Category > maxCategory || r.Type > maxType || r.Name == "" {
				if pkg == c.pkg {
					c.add(r.Pos, "BP115", "retired %s: want the Category, Type and Name of an event that there was", text)
				}
				continue
			}
			first, taken := kinds.take(r.Kind(), holder{r.Name, r.Pos})
			if taken && pkg == c.pkg {
				c.addRelated(r.Pos, diag.Related{Pos: first.pos, Message: "first retired here"}, "BP115", "%s is retired already (%s)", text, first.name)
			}
		}
	}
	for _, e := range c.pkg.Events {
		if first, taken := kinds[e.Kind()]; taken && has(e.Decl, "Category") && has(e.Decl, "Type") {
			c.addRelated(given(e.Decl, "Type"), diag.Related{Pos: first.pos, Message: "retired here"}, "BP115",
				"kind %#x/%#03x of %s was retired (%s); kinds are never given again", e.Category, e.Type, e.Var, first.name)
		}
	}
}

// eventBP120: versions start at 1.
func eventBP120(c *checker) {
	for _, e := range c.pkg.Events {
		if e.Version == 0 && !unread(e.Decl, "Version") {
			c.add(given(e.Decl, "Version"), "BP120", "event %s needs a Version; versions start at 1", e.Var)
		}
	}
}
