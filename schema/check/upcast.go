package check

import "github.com/batpak-go/batpak/schema/model"

// eventBP121: the steps of a chain begin at version 1 and leave none out.
func eventBP121(c *checker) {
	for _, e := range c.pkg.Events {
		if i := disorder(e); i >= 0 && !e.Broken {
			c.add(e.Upcasts[i].Pos, "BP121", "upcast chain of %s: expected a step from version %d, found one from %d", e.Var, i+1, e.Upcasts[i].From)
		}
	}
}

// disorder is the index of the first step that is out of place, or -1.
func disorder(e *model.Event) int {
	for i, u := range e.Upcasts {
		if int(u.From) != i+1 {
			return i
		}
	}
	return -1
}

// chained returns the events whose chains can be judged as a whole.
func (c *checker) chained() []*model.Event {
	var list []*model.Event
	for _, e := range c.pkg.Events {
		if !e.Broken && e.Version > 0 && disorder(e) < 0 {
			list = append(list, e)
		}
	}
	return list
}

// eventBP122: a step takes what the one before it returns.
func eventBP122(c *checker) {
	for _, e := range c.chained() {
		for i := 1; i < len(e.Upcasts); i++ {
			before, u := e.Upcasts[i-1], e.Upcasts[i]
			if u.Source != before.Target {
				c.add(u.FuncPos, "BP122", "upcast step %d takes %s, but step %d returns %s", u.From, u.Source.Name, before.From, before.Target.Name)
			}
		}
	}
}

// eventBP123: a chain ends at the event's version.
func eventBP123(c *checker) {
	for _, e := range c.chained() {
		end := len(e.Upcasts) + 1
		switch version := int(e.Version); {
		case end < version:
			c.add(given(e.Decl, "Version"), "BP123", "event %s is at version %d, but its upcast chain ends at version %d: add schema.Step(%d, ...)",
				e.Var, version, end, end)
		case end > version:
			c.add(e.Upcasts[version-1].Pos, "BP123", "event %s is at version %d, but its upcast chain goes on from there: raise Version or remove the step",
				e.Var, version)
		}
	}
}

// eventBP124: the last step returns the payload.
func eventBP124(c *checker) {
	for _, e := range c.chained() {
		if n := len(e.Upcasts); n > 0 && n+1 == int(e.Version) && e.Upcasts[n-1].Target != e.Payload {
			c.add(e.Upcasts[n-1].FuncPos, "BP124", "the last upcast step returns %s, but event %s carries %s", e.Upcasts[n-1].Target.Name, e.Var, e.Payload.Name)
		}
	}
}
