package evolution

import (
	"fmt"
	"go/token"

	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/lock"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/shape"
)

// Judge compares a schema with its lock file, nil if it has none yet. It returns
// the lock file that goes with the schema, which is only to be written if none of
// the diagnostics is an error.
func Judge(pkg *model.Package, was *lock.File) (*lock.File, []diag.Diagnostic) {
	if was == nil {
		was = new(lock.File)
	}
	j := &judge{pkg: pkg, was: was}
	for _, rule := range rules() {
		rule(j)
	}
	diag.Sort(j.list)
	return j.next(), j.list
}

// rules lists the rules. Each reports one code, which its name ends in.
func rules() []func(*judge) {
	return []func(*judge){
		eventBP115, eventBP601, eventBP602, eventBP603, retiredBP603, eventBP604, eventBP605,
		entityBP606, projectionBP607, commandBP608, fieldBP609,
	}
}

// judge applies the rules to one package.
type judge struct {
	pkg  *model.Package
	was  *lock.File
	list []diag.Diagnostic
}

// add reports an error, with the line of the lock file that it breaks.
func (j *judge) add(at, promised token.Position, code, format string, args ...any) {
	j.list = append(j.list, diag.Diagnostic{
		Pos: at, Code: code, Message: fmt.Sprintf(format, args...),
		Related: []diag.Related{{Pos: promised, Message: "this is what was promised"}},
	})
}

// given is where the value of a declaration's field is written, or the
// declaration's name if it is not.
func given(d model.Decl, field string) token.Position {
	if at, ok := d.Given[field]; ok {
		return at
	}
	return d.Pos
}

// kindText spells a kind as the schema does: 0x1/0x002.
func kindText(k lock.Kind) string { return fmt.Sprintf("%#x/%#03x", uint16(k>>12), uint16(k&0xFFF)) }

// event returns the declared event of a kind, or nil.
func (j *judge) event(k lock.Kind) *model.Event {
	for _, e := range j.pkg.Events {
		if lock.Kind(e.Kind()) == k {
			return e
		}
	}
	return nil
}

// shapes returns the struct of each version of an event, from version 1.
func shapes(e *model.Event) []*model.Struct {
	list := make([]*model.Struct, 0, len(e.Upcasts)+1)
	for _, u := range e.Upcasts {
		list = append(list, u.Source)
	}
	return append(list, e.Payload)
}

// breaks returns the changes that stored payloads of a released version do not
// survive, and all changes.
func breaks(v *lock.Version, now *model.Struct) (breaking, all []shape.Change) {
	promises := v.Promises()
	all = shape.Diff(parsed(promises[len(promises)-1]), now)
	for _, c := range all {
		if !c.Additive {
			breaking = append(breaking, c)
		}
	}
	return breaking, all
}

// parsed reads a shape of a lock file, which has been parsed before.
func parsed(text string) *model.Struct {
	s, err := shape.Parse(text)
	if err != nil {
		return new(model.Struct)
	}
	return s
}
