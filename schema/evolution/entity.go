package evolution

import (
	"github.com/batpak-go/batpak/schema/lock"
	"github.com/batpak-go/batpak/schema/model"
)

// entityBP606: what released events are found by does not change: the prefix and
// the scope of their entity.
func entityBP606(j *judge) {
	told := make(map[*model.Entity]bool)
	for _, e := range j.pkg.Events {
		was, en := j.was.Event(lock.Kind(e.Kind())), e.Entity
		if was == nil || !was.Released() {
			continue
		}
		scoped := j.was.Entity(was.Entity)
		switch {
		case was.Entity != en.Prefix && j.entity(was.Entity) != nil:
			j.add(given(e.Decl, "Entity"), was.Pos, "BP606", "event %s belonged to the entity of prefix %q; stored events would no longer be found: restore it", e.Var, was.Entity)
		case told[en]:
		case was.Entity != en.Prefix:
			told[en] = true
			j.add(given(en.Decl, "Prefix"), was.Pos, "BP606", "entity %s had prefix %q; stored events would no longer be found: restore it", en.Var, was.Entity)
		case scoped != nil && scoped.Scope != en.Scope:
			told[en] = true
			j.add(given(en.Decl, "Scope"), scoped.Pos, "BP606", "entity %s had scope %q; stored events would no longer be found: restore it", en.Var, scoped.Scope)
		}
	}
}

// entity returns the declared entity of a prefix, or nil.
func (j *judge) entity(prefix string) *model.Entity {
	for _, en := range j.pkg.Entities {
		if en.Prefix == prefix {
			return en
		}
	}
	return nil
}
