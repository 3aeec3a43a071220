package lock

import (
	"cmp"
	"fmt"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// Name is the name of a lock file, which lies beside its schema.
const Name = "batpak.lock.json"

// Format is the only format that this package reads and writes.
const Format = 1

// File is what a lock file says. The slices are sorted by their keys.
type File struct {
	Package     string // import path
	Entities    []Entity
	Events      []Event
	Retired     []Retired
	Commands    []Command
	Projections []Projection
	Accepted    []Acceptance // those of one version in the order of the acts
}

// State says how far a version, a command or a projection has come.
type State string

// The states.
const (
	Draft    State = "draft"    // not released: may change freely, or go
	Released State = "released" // as it was released last
	Revised  State = "revised"  // released, and has grown since; the growth may change freely
)

// Kind is an event kind; its text is "1:002".
type Kind uint16

// String returns the category, a colon, and the type in three digits.
func (k Kind) String() string { return fmt.Sprintf("%x:%03x", uint16(k>>12), uint16(k&0xFFF)) }

// ParseKind reads the text of a kind, in canonical spelling.
func ParseKind(text string) (Kind, bool) {
	if len(text) != len("1:002") || text[1] != ':' {
		return 0, false
	}
	n, err := strconv.ParseUint(text[:1]+text[2:], 16, 16)
	return Kind(n), err == nil && Kind(n).String() == text
}

// Entity is an entity family. Its prefix is its key.
type Entity struct {
	Prefix string
	Scope  string
	ID     ID // empty in a file of before ids were in it: nothing was promised
	Pos    token.Position
}

// Event is an event kind.
type Event struct {
	Kind     Kind
	Name     string // of the payload struct; follows the code
	Entity   string // prefix
	Versions []Version
	Pos      token.Position
}

// Released reports whether any version of the event was released.
func (e *Event) Released() bool {
	for _, v := range e.Versions {
		if v.State != Draft {
			return true
		}
	}
	return false
}

// Version returns a version of the event, or nil.
func (e *Event) Version(number uint16) *Version {
	i, ok := slices.BinarySearchFunc(e.Versions, number, func(v Version, n uint16) int { return cmp.Compare(v.Number, n) })
	if !ok {
		return nil
	}
	return &e.Versions[i]
}

// Version is the shape of an event's payload that is stored under one number.
type Version struct {
	Number uint16
	State  State
	Shape  string // the text of package shape
	// Earlier are the shapes that were released before Shape, oldest first. Each
	// has grown into the next by optional fields and the like.
	Earlier []string
	// Frozen is the fingerprint of the file of frozen payloads. It is empty for drafts,
	// and may be where a release could make no payload.
	Frozen string
	Pos    token.Position
}

// Promises are the shapes of the version that were released, oldest first:
// payloads of each of them may lie in stores.
func (v *Version) Promises() []string {
	if v.State == Released {
		return append(v.Earlier[:len(v.Earlier):len(v.Earlier)], v.Shape)
	}
	return v.Earlier
}

// Retired is a kind that was an event's once.
type Retired struct {
	Kind Kind
	Name string
	Pos  token.Position
}

// Command is what is recorded with the events of a command.
type Command struct {
	Name  string
	State State // Draft or Released
	Event Kind
	Gates []string // in order of evaluation
	Pos   token.Position
}

// Projection is what the state of a projection depends on.
type Projection struct {
	Name    string
	State   State // Draft or Released
	Version uint32
	Folds   []Kind // sorted
	Pos     token.Position
}

// What may be given back, and recorded.
const (
	OfEvent      = "event"
	OfCommand    = "command"
	OfProjection = "projection"
)

// Acceptance records that what was released was given back: that, for the reason,
// nothing that depends on it lies in stores that matter.
type Acceptance struct {
	Of      string   // OfEvent, OfCommand or OfProjection
	Name    string   // of an event its kind
	Version uint32   // of an event or a projection
	Was     []string // the shapes of the event, the gates, or the kinds folded
	Reason  string
	Pos     token.Position
}

// Acceptance is the record that a command is given back.
func (c *Command) Acceptance(reason string) Acceptance {
	return Acceptance{Of: OfCommand, Name: c.Name, Was: c.Gates, Reason: reason}
}

// Acceptance is the record that a projection is given back.
func (p *Projection) Acceptance(reason string) Acceptance {
	a := Acceptance{Of: OfProjection, Name: p.Name, Version: p.Version, Reason: reason}
	for _, k := range p.Folds {
		a.Was = append(a.Was, k.String())
	}
	return a
}

// IsEmpty reports whether a file says nothing, so that there need not be one.
func (f *File) IsEmpty() bool {
	return len(f.Entities)+len(f.Events)+len(f.Retired)+len(f.Commands)+len(f.Projections)+len(f.Accepted) == 0
}

// Event returns the event of a kind, or nil.
func (f *File) Event(k Kind) *Event {
	i, ok := slices.BinarySearchFunc(f.Events, k, func(e Event, k Kind) int { return cmp.Compare(e.Kind, k) })
	if !ok {
		return nil
	}
	return &f.Events[i]
}

// Entity returns the entity of a prefix, or nil.
func (f *File) Entity(prefix string) *Entity {
	i, ok := slices.BinarySearchFunc(f.Entities, prefix, func(e Entity, p string) int { return strings.Compare(e.Prefix, p) })
	if !ok {
		return nil
	}
	return &f.Entities[i]
}

// AcceptedOf returns the records of one thing, a version of it if it has versions, in
// the order of the acts.
func (f *File) AcceptedOf(of, name string, version uint32) []Acceptance {
	compare := func(a Acceptance, order int) int {
		return cmp.Or(a.compare(Acceptance{Of: of, Name: name, Version: version}), order)
	}
	from, _ := slices.BinarySearchFunc(f.Accepted, 1, compare)
	to, _ := slices.BinarySearchFunc(f.Accepted, -1, compare)
	return f.Accepted[from:to]
}

// compare orders records by what they are of.
func (a Acceptance) compare(b Acceptance) int {
	return cmp.Or(strings.Compare(a.Of, b.Of), strings.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
}
