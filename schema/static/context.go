package static

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/payload"
	"github.com/batpak-go/batpak/schema/source"
)

// fill says where the fields of a command's gate context come from.
func (r *reader) fill(c *model.Command, v *source.Variable) {
	named := types.Unalias(v.Args.At(0)).(*types.Named) // checked when it was named
	st, ok := named.Underlying().(*types.Struct)
	switch {
	case !ok:
		r.sink.Add(v.Argument(0), "BP401", "gate context %s must be a struct", c.Context.Name)
	case named.Obj().Pkg() != r.src.Types:
		r.sink.Add(v.Argument(0), "BP401", "gate context %s must be declared in package %s", c.Context.Name, r.src.Types.Name())
	default:
		for i := range st.NumFields() {
			r.fillField(c, v, st.Field(i), st.Tag(i))
		}
		return
	}
	c.Broken = true
}

// fillField says where one field comes from.
func (r *reader) fillField(c *model.Command, v *source.Variable, field *types.Var, tag string) {
	where := c.Context.Name + "." + field.Name()
	at := diag.Span{From: field.Pos(), To: field.Pos() + token.Pos(len(field.Name()))}
	mark, err := contextTag(tag)
	if err != nil {
		r.sink.Add(at, "BP109", "%s: %v", where, err)
		c.Broken = true
		return
	}
	if mark == "-" || field.Name() == "_" {
		return
	}
	text, imports := payload.Source(field.Type(), r.src.Types)
	if strings.Contains(text, "invalid type") {
		r.invalidField(where, field)
		c.Broken = true
		return
	}
	if mark == "" && r.unreadState(field.Type()) {
		c.Broken = true
		return
	}
	fill := model.Fill{Field: field.Name(), Pos: r.sink.Position(field.Pos())}
	if mark == "caller" {
		if spelledOut(text, "struct{") || spelledOut(text, "interface{") {
			r.sink.Add(at, "BP401", "context field %s becomes a parameter; declare a type for its struct or interface", where)
			c.Broken = true
			return
		}
		fill.From, fill.Type, fill.Imports = model.FillCaller, text, imports
	} else {
		var reason string
		if fill.From, fill.Projection, reason = r.origin(c, v, field.Type()); reason != "" {
			r.sink.Add(at, "BP401", "context field %s has type %s, which %s; tag it `bat:\"caller\"` if the caller gives it, or `bat:\"-\"` to leave it zero", where, text, reason)
			c.Broken = true
			return
		}
	}
	c.Fill = append(c.Fill, fill)
}

// unreadState reports whether a type is the state of a projection that could not
// be read.
func (r *reader) unreadState(t types.Type) bool {
	return slices.ContainsFunc(r.vars.List, func(v *source.Variable) bool {
		return v.Failed && v.Kind == "Projection" && v.Args.Len() == 1 && types.Identical(v.Args.At(0), t)
	})
}

// spelledOut reports whether a type, as source, has a struct or interface literal
// with something in it. gofmt breaks most of these into lines.
func spelledOut(text, keyword string) bool {
	return strings.Count(text, keyword) > strings.Count(text, keyword+"}")
}

// contextTag returns the bat tag of a field of a gate context: "caller", "-" or
// none.
func contextTag(tag string) (string, error) {
	parsed, err := payload.ParseTag(tag)
	if err != nil {
		return "", err
	}
	text := strings.Join(append([]string{parsed.Name}, parsed.Options...), ",")
	switch text {
	case "", "caller", "-":
		return text, nil
	}
	return "", fmt.Errorf("unknown bat tag %q in a gate context; known: caller, -", text)
}

// origin says where a field without a tag comes from, by its type, or why it
// comes from nowhere.
func (r *reader) origin(c *model.Command, v *source.Variable, t types.Type) (model.FillFrom, *model.Projection, string) {
	if types.Identical(t, v.Args.At(1)) {
		return model.FillEvent, nil, ""
	}
	for entity, en := range r.entities {
		if en == c.Event.Entity && types.Identical(t, entity.Args.At(0)) {
			return model.FillID, nil, ""
		}
	}
	var here, elsewhere *model.Projection
	for _, p := range r.pkg.Projections {
		switch {
		case !types.Identical(t, r.projections[p]):
		case p.Per != c.Event.Entity:
			elsewhere = p
		case here != nil:
			return 0, nil, "the projections " + here.Var + " and " + p.Var + " both produce"
		default:
			here = p
		}
	}
	switch {
	case here != nil:
		return model.FillProjection, here, ""
	case elsewhere != nil && elsewhere.Per == nil && !elsewhere.Broken:
		return 0, nil, "projection " + elsewhere.Var + " folds from all streams, of which a decision cannot hold more than one"
	case elsewhere != nil && elsewhere.Per != nil:
		return 0, nil, "projection " + elsewhere.Var + " produces per " + elsewhere.Per.Var + ", but the command is about " + c.Event.Entity.Var
	}
	return 0, nil, "is neither the entity's id, nor the event, nor produced by a projection"
}

// invalidField passes on what the compiler said about the type of a field.
func (r *reader) invalidField(where string, field *types.Var) {
	found := false
	for _, f := range r.src.Files {
		if field.Pos() < f.FileStart || field.Pos() >= f.FileEnd {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if part, ok := n.(*ast.Field); ok && part.Pos() <= field.Pos() && field.Pos() < part.End() {
				found = r.src.PassErrors(part, r.sink) || found
			}
			return true
		})
	}
	if !found {
		r.sink.Add(diag.Span{From: field.Pos(), To: field.Pos()}, "BP005", "%s: the type does not compile", where)
	}
}
