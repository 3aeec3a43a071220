package static

import (
	"go/ast"
	"go/token"
	"go/types"

	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/payload"
	"github.com/batpak-go/batpak/schema/purity"
	"github.com/batpak-go/batpak/schema/source"
)

// decl returns what every declaration has.
func (r *reader) decl(v *source.Variable) model.Decl {
	return model.Decl{Var: v.Name.Name, Doc: v.Doc, Pos: r.sink.Position(v.Name.Pos())}
}

// entity evaluates an entity family.
func (r *reader) entity(v *source.Variable) *model.Entity {
	en := &model.Entity{Decl: r.decl(v)}
	f := r.fields(v, &en.Decl)
	en.Prefix = r.text(f.of("Prefix"), &en.Decl)
	en.Scope = r.text(f.of("Scope"), &en.Decl)
	id, ok := r.idType(v.Args.At(0), v.Argument(0))
	en.ID = id
	en.Broken = en.Broken || !ok
	return en
}

// idType returns the type of an entity's ids.
func (r *reader) idType(t types.Type, at diag.Range) (model.NamedType, bool) {
	named, ok := types.Unalias(t).(*types.Named)
	if ok && named.TypeArgs().Len() == 0 && payload.Nameable(named, r.src.Types) {
		if basic, ok := named.Underlying().(*types.Basic); ok {
			ref := payload.Ref(named, r.src.Types)
			id := model.NamedType{Name: ref.Name, Path: ref.Path, PkgName: ref.PkgName, Basic: model.Basic(basic.Name())}
			switch basic.Kind() {
			case types.String, types.Int8, types.Int16, types.Int32, types.Int64, types.Uint8, types.Uint16, types.Uint32, types.Uint64:
				return id, true
			case types.Int, types.Uint, types.Uintptr:
				r.sink.Add(at, "BP203", "entity id type %s is over %s, which has a platform-dependent size; use a sized integer", id.Name, basic.Name())
				return id, false
			}
		}
	}
	text, _ := payload.Source(t, r.src.Types)
	r.sink.Add(at, "BP203", "entity id type %s must be a named type over a string or a sized integer, and one that this package can name", text)
	return model.NamedType{Name: text}, false
}

// event evaluates an event kind.
func (r *reader) event(v *source.Variable) *model.Event {
	e := &model.Event{Decl: r.decl(v)}
	f := r.fields(v, &e.Decl)
	e.Category = uint8(r.number(f.of("Category"), &e.Decl))
	e.Type = uint16(r.number(f.of("Type"), &e.Decl))
	e.Version = uint16(r.number(f.of("Version"), &e.Decl))
	e.Entity = r.entities[r.declaration(f.of("Entity"), &e.Decl)]
	shape, ok := r.payloads.Payload(v.Args.At(0), v.Argument(0))
	if shape == nil {
		text, _ := payload.Source(v.Args.At(0), r.src.Types)
		shape = &model.Struct{Name: text}
	}
	e.Payload = shape
	e.Broken = e.Broken || !ok
	for _, x := range r.list(f.of("Upcasts"), &e.Decl) {
		if u, ok := r.upcast(x, &e.Decl); ok {
			e.Upcasts = append(e.Upcasts, u)
		}
	}
	return e
}

// upcast evaluates a call of schema.Step.
func (r *reader) upcast(e ast.Expr, d *model.Decl) (model.Upcast, bool) {
	call := r.call(e, "Step", d)
	if call == nil {
		return model.Upcast{}, false
	}
	u := model.Upcast{
		From: uint16(r.number(call.Args[0], d)),
		Pos:  r.sink.Position(call.Pos()), FuncPos: r.sink.Position(call.Args[1].Pos()),
	}
	f, ok := r.function(call.Args[1], d)
	sig, typed := r.src.Info.TypeOf(call.Args[1]).(*types.Signature)
	if !ok || !typed || sig.Params().Len() != 1 || sig.Results().Len() != 2 {
		d.Broken = true
		return model.Upcast{}, false
	}
	u.Func = f.name()
	r.pure.Check(f.obj, f.name(), purity.Upcast, call.Args[1])
	var sound [2]bool
	u.Source, sound[0] = r.payloads.Payload(sig.Params().At(0).Type(), call.Args[1])
	u.Target, sound[1] = r.payloads.Payload(sig.Results().At(0).Type(), call.Args[1])
	d.Broken = d.Broken || !sound[0] || !sound[1]
	return u, u.Source != nil && u.Target != nil
}

// projection evaluates a projection.
func (r *reader) projection(v *source.Variable) *model.Projection {
	p := &model.Projection{Decl: r.decl(v)}
	f := r.fields(v, &p.Decl)
	p.Name = r.text(f.of("Name"), &p.Decl)
	p.Version = uint32(r.number(f.of("Version"), &p.Decl))
	p.Per = r.entities[r.declaration(f.of("Per"), &p.Decl)]
	p.State = r.plainType(v.Args.At(0), v.Argument(0), "BP308", "projection state", &p.Decl)
	for _, e := range r.list(f.of("Fold"), &p.Decl) {
		if h, f, ok := r.handler(e, "On", &p.Decl); ok {
			p.Fold = append(p.Fold, h)
			r.pure.Check(f.obj, f.name(), purity.Fold, f.at)
		}
	}
	p.Ignore, p.IgnorePos = r.named(f.of("Ignore"), &p.Decl)
	r.projections[p] = v.Args.At(0)
	if r.truth(f.of("Saved"), &p.Decl) && !p.Broken {
		var ok bool
		p.Saved, ok = r.payloads.State(v.Args.At(0), v.Argument(0))
		p.Broken = !ok
	}
	return p
}

// named evaluates a list of events, and where they are named.
func (r *reader) named(list ast.Expr, d *model.Decl) (events []*model.Event, at []token.Position) {
	for _, e := range r.list(list, d) {
		if ev := r.events[r.declaration(e, d)]; ev != nil {
			events, at = append(events, ev), append(at, r.sink.Position(e.Pos()))
		}
	}
	return events, at
}

// reactor evaluates a reactor. What it does may have effects, so that it is not
// judged.
func (r *reader) reactor(v *source.Variable) *model.Reactor {
	m := &model.Reactor{Decl: r.decl(v)}
	f := r.fields(v, &m.Decl)
	m.Name = r.text(f.of("Name"), &m.Decl)
	m.Type = r.plainType(v.Args.At(0), v.Argument(0), "BP502", "reactor", &m.Decl)
	for _, e := range r.list(f.of("On"), &m.Decl) {
		if h, _, ok := r.handler(e, "React", &m.Decl); ok {
			m.On = append(m.On, h)
		}
	}
	m.Emits, m.EmitsPos = r.named(f.of("Emits"), &m.Decl)
	m.Loop = r.truth(f.of("Loop"), &m.Decl)
	return m
}

// retired evaluates a list of kinds that were given once.
func (r *reader) retired(v *source.Variable) {
	for _, e := range r.list(v.Init, new(model.Decl)) {
		var d model.Decl // which tells whether something was reported
		f := r.structure(e, &d)
		m := model.Retired{
			Var:      v.Name.Name,
			Category: uint8(r.number(f.of("Category"), &d)),
			Type:     uint16(r.number(f.of("Type"), &d)),
			Name:     r.text(f.of("Name"), &d),
			Pos:      r.sink.Position(e.Pos()),
		}
		if !d.Broken {
			r.pkg.Retired = append(r.pkg.Retired, m)
		}
	}
}

// plainType names the type argument of a declaration, which generated code
// writes in signatures.
func (r *reader) plainType(t types.Type, at diag.Range, code, what string, d *model.Decl) model.NamedRef {
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || named.TypeArgs().Len() > 0 || !payload.Nameable(named, r.src.Types) {
		d.Broken = true
		text, _ := payload.Source(t, r.src.Types)
		r.sink.Add(at, code, "%s %s must be a named type that this package can name, not generic and not a pointer", what, text)
		return model.NamedRef{Name: text}
	}
	return payload.Ref(named, r.src.Types)
}

// handler evaluates a call of schema.On or schema.React.
func (r *reader) handler(e ast.Expr, constructor string, d *model.Decl) (model.Handler, function, bool) {
	call := r.call(e, constructor, d)
	if call == nil {
		return model.Handler{}, function{}, false
	}
	h := model.Handler{Pos: r.sink.Position(call.Pos())}
	h.Event = r.events[r.declaration(call.Args[0], d)]
	f, ok := r.function(call.Args[1], d)
	if ok {
		h.Recv, h.Func = f.recv, f.obj.Name()
	}
	return h, f, ok && h.Event != nil
}

// gate evaluates a gate.
func (r *reader) gate(v *source.Variable) *model.Gate {
	g := &model.Gate{Decl: r.decl(v)}
	f := r.fields(v, &g.Decl)
	g.Name = r.text(f.of("Name"), &g.Decl)
	g.Context = r.plainType(v.Args.At(0), v.Argument(0), "BP401", "gate context", &g.Decl)
	if eval := f.of("Eval"); eval != nil {
		if fn, ok := r.function(eval, &g.Decl); ok {
			g.Func = fn.name()
			r.pure.Check(fn.obj, fn.name(), purity.Gate, eval)
			r.codes(g, f.of("Codes"), fn)
		}
	}
	return g
}

// command evaluates a command.
func (r *reader) command(v *source.Variable) *model.Command {
	c := &model.Command{Decl: r.decl(v)}
	f := r.fields(v, &c.Decl)
	c.Name = r.text(f.of("Name"), &c.Decl)
	c.Event = r.events[r.declaration(f.of("Event"), &c.Decl)]
	if c.Event != nil && c.Event.Command == nil {
		c.Event.Command = c
	}
	for _, e := range r.list(f.of("Gates"), &c.Decl) {
		if g := r.gates[r.declaration(e, &c.Decl)]; g != nil {
			c.Gates = append(c.Gates, g)
		}
	}
	c.Bypass = r.truth(f.of("Bypass"), &c.Decl)
	c.Context = r.plainType(v.Args.At(0), v.Argument(0), "BP401", "gate context", &c.Decl)
	if !c.Broken && c.Event != nil && c.Event.Entity != nil {
		r.fill(c, v)
	}
	return c
}
