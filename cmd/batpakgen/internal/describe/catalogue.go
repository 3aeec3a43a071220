package describe

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/batpak-go/batpak/schema/lock"
	"github.com/batpak-go/batpak/schema/model"
)

// catalogue is what the schema of one package says, in source order. It is the
// document that -json prints; fields may be added to it, and those there are keep
// their names and meanings.
type catalogue struct {
	Path        string        `json:"package"`
	Name        string        `json:"name"`
	Entities    []*entity     `json:"entities"`
	Events      []*event      `json:"events"`
	Structs     []*structType `json:"structs,omitempty"` // held by payloads
	Enums       []*enum       `json:"enums,omitempty"`
	Projections []*projection `json:"projections"`
	Commands    []*command    `json:"commands"`
	Gates       []*gate       `json:"gates"`
	Reactors    []*reactor    `json:"reactors,omitempty"`
	Retired     []retired     `json:"retired,omitempty"`
}

// declared is where a declaration is and what its comment says.
type declared struct {
	Var string `json:"var"`
	Doc string `json:"doc,omitempty"`
	Pos string `json:"pos"` // "schema.go:12:2"
}

// entity is a family of streams.
type entity struct {
	declared
	Prefix string `json:"prefix"`
	Scope  string `json:"scope,omitempty"` // none: the journal gives it
	ID     string `json:"id"`              // the type of its ids
	Basic  string `json:"basic"`           // what that is over
}

// event is an event, named after its payload.
type event struct {
	declared
	Name       string    `json:"name"`
	Kind       string    `json:"kind"` // "0x1/0x001"
	Number     uint16    `json:"number"`
	Version    uint16    `json:"version"`
	Entity     string    `json:"entity"`               // its variable
	PayloadDoc string    `json:"payloadDoc,omitempty"` // of the struct
	Command    string    `json:"command,omitempty"`    // that guards it
	Versions   []version `json:"versions"`             // ascending; the last is the current one

	foldedBy, ignoredBy, reactedTo, emittedBy []string
}

// version is a shape that payloads of an event have or had.
type version struct {
	Version uint16  `json:"version"`
	Struct  string  `json:"struct"`
	State   string  `json:"state,omitempty"`  // "draft", "released" or "revised", if there is a lock file
	Upcast  string  `json:"upcast,omitempty"` // the function that lifts it to the next
	Fields  []field `json:"fields"`
}

// structType is a struct that payloads hold.
type structType struct {
	Name   string  `json:"name"`
	Doc    string  `json:"doc,omitempty"`
	Fields []field `json:"fields"`
}

// field is a stored field, in the order of the bytes.
type field struct {
	Name     string `json:"name"` // on disk
	Go       string `json:"go"`
	Type     string `json:"type"`            // "string", "[]Source", "time"
	Basic    string `json:"basic,omitempty"` // what a named type is over: "int64"
	Optional bool   `json:"optional,omitempty"`
	Max      int64  `json:"max,omitempty"`
}

// enum is a type with declared values.
type enum struct {
	declared
	Type   string      `json:"type"`
	Basic  string      `json:"basic"`
	Open   bool        `json:"open,omitempty"`
	Values []enumValue `json:"values"`
}

// enumValue is a constant.
type enumValue struct {
	Name  string `json:"name"`
	Value string `json:"value"` // a Go literal
}

// projection is a fold.
type projection struct {
	declared
	Name    string   `json:"name"`
	Version uint32   `json:"version"`
	Per     string   `json:"per,omitempty"` // none: of all streams
	State   string   `json:"state"`
	Folds   []string `json:"folds"` // names of events
	Ignores []string `json:"ignores,omitempty"`
	Saved   bool     `json:"saved,omitempty"`
}

// gate is a predicate.
type gate struct {
	declared
	Name    string   `json:"name"`
	Context string   `json:"context"`
	Func    string   `json:"func"`
	Codes   []string `json:"codes,omitempty"` // none: any
}

// command is a guarded event.
type command struct {
	declared
	Name    string   `json:"name"`
	Event   string   `json:"event"`
	Gates   []string `json:"gates"` // in the order of their evaluation
	Context string   `json:"context"`
	Fill    []fill   `json:"fill,omitempty"`
	Bypass  bool     `json:"bypass,omitempty"`
}

// fill says where a field of a gate context comes from.
type fill struct {
	Field      string `json:"field"`
	From       string `json:"from"` // "id", "event", "projection", "caller"
	Projection string `json:"projection,omitempty"`
	Type       string `json:"type,omitempty"` // that the caller gives
}

// reactor answers events with events.
type reactor struct {
	declared
	Name  string   `json:"name"`
	Type  string   `json:"type"`
	On    []string `json:"on"`
	Emits []string `json:"emits,omitempty"`
	Loop  bool     `json:"loop,omitempty"`
}

// retired is a kind that is never given again.
type retired struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// newCatalogue describes a package that was read without errors.
func newCatalogue(p *model.Package) *catalogue {
	b := builder{locked: promised(p.Dir), events: map[*model.Event]*event{}, cat: &catalogue{
		Path: p.Path, Name: p.Name,
		Entities: []*entity{}, Events: []*event{}, Projections: []*projection{}, Commands: []*command{}, Gates: []*gate{},
	}}
	for _, en := range p.Entities {
		b.cat.Entities = append(b.cat.Entities, &entity{
			declared: declare(en.Decl), Prefix: en.Prefix, Scope: en.Scope,
			ID: refer(en.ID.PkgName, en.ID.Name), Basic: string(en.ID.Basic),
		})
	}
	payloads := map[*model.Struct]bool{}
	for _, e := range p.Events {
		b.event(e, payloads)
	}
	for _, s := range p.Structs {
		if !payloads[s] {
			b.cat.Structs = append(b.cat.Structs, &structType{Name: refer(s.PkgName, s.Name), Doc: s.Doc, Fields: fields(s)})
		}
	}
	for _, e := range p.Enums {
		b.enum(e)
	}
	for _, g := range p.Gates {
		b.gate(g)
	}
	for _, pr := range p.Projections {
		b.projection(pr)
	}
	for _, c := range p.Commands {
		b.command(c)
	}
	for _, r := range p.Reactors {
		b.reactor(r)
	}
	for _, r := range p.Retired {
		b.cat.Retired = append(b.cat.Retired, retired{Kind: kind(r.Category, r.Type), Name: r.Name})
	}
	return b.cat
}

// builder builds a catalogue.
type builder struct {
	cat    *catalogue
	locked *lock.File
	events map[*model.Event]*event
}

func (b *builder) event(e *model.Event, payloads map[*model.Struct]bool) {
	ev := &event{
		declared: declare(e.Decl), Name: e.Payload.Name, Kind: kind(e.Category, e.Type), Number: e.Kind(),
		Version: e.Version, Entity: e.Entity.Var, PayloadDoc: e.Payload.Doc,
	}
	for _, u := range e.Upcasts {
		payloads[u.Source] = true
		ev.Versions = append(ev.Versions, version{u.From, u.Source.Name, b.state(e, u.From), u.Func, fields(u.Source)})
	}
	payloads[e.Payload] = true
	ev.Versions = append(ev.Versions, version{e.Version, e.Payload.Name, b.state(e, e.Version), "", fields(e.Payload)})
	if e.Command != nil {
		ev.Command = e.Command.Name
	}
	b.events[e] = ev
	b.cat.Events = append(b.cat.Events, ev)
}

// promised is what the lock file in a directory says. One that is not there, or
// that nothing can be read from, says nothing.
func promised(dir string) *lock.File {
	text, err := os.ReadFile(filepath.Join(dir, lock.Name))
	if err != nil {
		return new(lock.File)
	}
	f, err := lock.Parse(lock.Name, text)
	if err != nil {
		return new(lock.File)
	}
	return f
}

// state is what the lock file says of a version.
func (b *builder) state(e *model.Event, number uint16) string {
	locked := b.locked.Event(lock.Kind(e.Kind()))
	if locked == nil {
		return ""
	}
	v := locked.Version(number)
	if v == nil {
		return ""
	}
	return string(v.State)
}

func (b *builder) enum(e *model.Enum) {
	out := &enum{declared: declare(e.Decl), Type: refer(e.Type.PkgName, e.Type.Name), Basic: string(e.Type.Basic), Open: e.Open}
	for _, v := range e.Values {
		out.Values = append(out.Values, enumValue{v.Name, v.Literal})
	}
	b.cat.Enums = append(b.cat.Enums, out)
}

func (b *builder) gate(g *model.Gate) {
	out := &gate{declared: declare(g.Decl), Name: g.Name, Context: refer(g.Context.PkgName, g.Context.Name), Func: g.Func}
	for _, c := range g.Codes {
		out.Codes = append(out.Codes, c.Value)
	}
	b.cat.Gates = append(b.cat.Gates, out)
}

func (b *builder) projection(p *model.Projection) {
	out := &projection{declared: declare(p.Decl), Name: p.Name, Version: p.Version, State: refer(p.State.PkgName, p.State.Name), Folds: []string{}, Saved: p.Saved != nil}
	if p.Per != nil {
		out.Per = p.Per.Var
	}
	for _, h := range p.Fold {
		e := b.events[h.Event]
		out.Folds = append(out.Folds, e.Name)
		e.foldedBy = append(e.foldedBy, p.Name)
	}
	for _, ignored := range p.Ignore {
		e := b.events[ignored]
		out.Ignores = append(out.Ignores, e.Name)
		e.ignoredBy = append(e.ignoredBy, p.Name)
	}
	b.cat.Projections = append(b.cat.Projections, out)
}

func (b *builder) command(c *model.Command) {
	out := &command{
		declared: declare(c.Decl), Name: c.Name, Event: b.events[c.Event].Name, Gates: []string{},
		Context: refer(c.Context.PkgName, c.Context.Name), Bypass: c.Bypass,
	}
	for _, g := range c.Gates {
		out.Gates = append(out.Gates, g.Name)
	}
	for _, f := range c.Fill {
		from := fill{Field: f.Field}
		switch f.From {
		case model.FillID:
			from.From = "id"
		case model.FillEvent:
			from.From = "event"
		case model.FillProjection:
			from.From, from.Projection = "projection", f.Projection.Name
		case model.FillCaller:
			from.From, from.Type = "caller", f.Type
		}
		out.Fill = append(out.Fill, from)
	}
	b.cat.Commands = append(b.cat.Commands, out)
}

func (b *builder) reactor(r *model.Reactor) {
	out := &reactor{declared: declare(r.Decl), Name: r.Name, Type: refer(r.Type.PkgName, r.Type.Name), On: []string{}, Loop: r.Loop}
	for _, h := range r.On {
		e := b.events[h.Event]
		out.On = append(out.On, e.Name)
		e.reactedTo = append(e.reactedTo, r.Name)
	}
	for _, emitted := range r.Emits {
		e := b.events[emitted]
		out.Emits = append(out.Emits, e.Name)
		e.emittedBy = append(e.emittedBy, r.Name)
	}
	b.cat.Reactors = append(b.cat.Reactors, out)
}

// declare describes where a declaration is.
func declare(d model.Decl) declared {
	return declared{d.Var, d.Doc, fmt.Sprintf("%s:%d:%d", filepath.Base(d.Pos.Filename), d.Pos.Line, d.Pos.Column)}
}

// kind writes a kind as people do.
func kind(category uint8, typ uint16) string { return fmt.Sprintf("%#x/%#03x", category, typ) }

// refer names a type, with its package if it is not the schema's.
func refer(pkg, name string) string {
	if pkg == "" {
		return name
	}
	return pkg + "." + name
}

// fields describes the stored fields of a struct.
func fields(s *model.Struct) []field {
	out := make([]field, len(s.Fields))
	for i, f := range s.Fields {
		t := f.Type
		if t.Class == model.ClassPointer {
			t = t.Elem // being optional says as much
		}
		out[i] = field{Name: f.Wire, Go: f.Name, Type: typeName(t), Optional: f.Optional, Max: f.Max}
		if under := unnamed(t); under != out[i].Type && t.Class != model.ClassStruct {
			out[i].Basic = under
		}
	}
	return out
}

// typeName names a type: its own name if it has one.
func typeName(t *model.Type) string {
	if t.Named != nil {
		return refer(t.Named.PkgName, t.Named.Name)
	}
	return unnamed(t)
}

// unnamed writes a type by what it is made of.
func unnamed(t *model.Type) string {
	switch t.Class {
	case model.ClassBasic:
		return string(t.Basic)
	case model.ClassBytes:
		return "bytes"
	case model.ClassFixed:
		return fmt.Sprintf("bytes[%d]", t.Len)
	case model.ClassTime:
		return "time"
	case model.ClassSlice:
		return "[]" + typeName(t.Elem)
	case model.ClassArray:
		return fmt.Sprintf("[%d]%s", t.Len, typeName(t.Elem))
	case model.ClassMap:
		return fmt.Sprintf("map[%s]%s", typeName(t.Key), typeName(t.Elem))
	case model.ClassPointer:
		return "*" + typeName(t.Elem)
	case model.ClassStruct:
		return refer(t.Struct.PkgName, t.Struct.Name)
	case model.ClassForeign:
		return "foreign"
	}
	return fmt.Sprintf("class %d", t.Class)
}

// current is the version of today.
func (e *event) current() version { return e.Versions[len(e.Versions)-1] }

// note says in a few words what else there is to a field.
func (f field) note() string {
	var notes []string
	if f.Optional {
		notes = append(notes, "optional")
	}
	if f.Max > 0 {
		notes = append(notes, fmt.Sprintf("at most %d", f.Max))
	}
	return strings.Join(notes, ", ")
}

// full writes a type with what it is over: "Cents (int64)".
func (f field) full() string {
	if f.Basic == "" {
		return f.Type
	}
	return f.Type + " (" + f.Basic + ")"
}
