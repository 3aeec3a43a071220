package evolution

import (
	"github.com/batpak-go/batpak/schema/lock"
	"github.com/batpak-go/batpak/schema/model"
)

// entityBP606: what released events are found by does not change: the prefix and
// the scope of their entity, and what its ids are over.
func entityBP606(j *judge) {
	told := make(map[*model.Entity]bool)
	for _, e := range j.pkg.Events {
		was, en := j.was.Event(lock.Kind(e.Kind())), e.Entity
		if was == nil || !was.Released() {
			continue
		}
		switch {
		case was.Entity != en.Prefix && j.entity(was.Entity) != nil:
			j.add(given(e.Decl, "Entity"), was.Pos, "BP606", "event %s belonged to the entity of prefix %q; stored events would no longer be found: restore it", e.Var, was.Entity)
			continue
		case told[en]:
			continue
		case was.Entity != en.Prefix:
			j.add(given(en.Decl, "Prefix"), was.Pos, "BP606", "entity %s had prefix %q; stored events would no longer be found: restore it", en.Var, was.Entity)
		}
		told[en] = true
		if known := j.was.Entity(was.Entity); known != nil {
			j.addressed(en, known)
		}
	}
}

// addressed reports what else has changed of how the streams of an entity are found.
func (j *judge) addressed(en *model.Entity, was *lock.Entity) {
	if was.Scope != en.Scope {
		j.add(given(en.Decl, "Scope"), was.Pos, "BP606", "entity %s had scope %q; stored events would no longer be found: restore it", en.Var, was.Scope)
	}
	if now := lock.ID(en.ID.Basic); was.ID != "" && !now.Covers(was.ID) {
		j.add(en.Pos, was.Pos, "BP606", "the ids of entity %s were over %s and are over %s now, which has not all their values; stored events would no longer be found: restore it", en.Var, was.ID, now)
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
