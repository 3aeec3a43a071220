package codec

import (
	"fmt"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/batpak-go/batpak/gen/internal/vocab"
	"github.com/batpak-go/batpak/schema/model"
)

// Methods of payloads.
const (
	EncodeMethod = "AppendBatpak"
	DecodeMethod = "DecodeBatpak"
)

// Emitter emits the codecs of one package's structs.
type Emitter struct {
	*vocab.Vocab
	payloads map[*model.Struct]bool // of this package's events, and states that are saved: they have methods
	// written are these and the structs nested in them. The others are shapes of
	// the past, which are read only.
	written map[*model.Struct]bool
	knowers map[*model.Enum]string // functions that know the values, of those in use
	// receiver is what the method being emitted calls its receiver; "" for v, as in
	// functions.
	receiver string
}

// New returns an emitter for the structs of pkg.
func New(v *vocab.Vocab, pkg *model.Package) *Emitter {
	e := &Emitter{
		Vocab:    v,
		payloads: map[*model.Struct]bool{},
		written:  map[*model.Struct]bool{},
		knowers:  map[*model.Enum]string{},
	}
	for _, ev := range pkg.Events {
		e.payloads[ev.Payload] = true
		e.writes(ev.Payload)
	}
	for _, p := range pkg.Projections {
		if p.Saved != nil {
			e.payloads[p.Saved] = true
			e.writes(p.Saved)
		}
	}
	return e
}

// writes marks a struct, and those nested in it, as written.
func (e *Emitter) writes(s *model.Struct) {
	if e.written[s] {
		return
	}
	e.written[s] = true
	for _, f := range s.Fields {
		for t := f.Type; t != nil; t = t.Elem {
			if t.Class == model.ClassStruct {
				e.writes(t.Struct)
			}
		}
	}
}

// Struct emits what encodes and decodes a struct, and what checks its values. A
// payload gets methods, any other struct functions. A shape of the past is decoded
// only.
func (e *Emitter) Struct(s *model.Struct) []jen.Code {
	e.checkOptional(s)
	var decls []jen.Code
	switch {
	case e.payloads[s]:
		e.checkMethods(s)
		m := e.method(s)
		decls = append(decls, m.encodeMethod(s), m.decodeMethod(s))
	case e.written[s]:
		decls = append(decls, e.encodeFunc(s))
	}
	decls = append(decls, e.decodeFunc(s))
	if e.written[s] && Checked(s) {
		decls = append(decls, e.checkFunc(s))
	}
	return decls
}

// method is the emitter of a payload's methods, in which the receiver is called as in
// the user's own methods.
func (e *Emitter) method(s *model.Struct) *Emitter {
	m := *e
	called := strings.HasPrefix(s.Receiver, "append") || strings.HasPrefix(s.Receiver, "decode") // by the methods
	if !called && !e.Hidden(s.Receiver) {
		m.receiver = s.Receiver
	}
	return &m
}

// L refers to a local variable as [vocab.Vocab.L] does. In a method, v is the receiver,
// and no other variable has its name.
func (e *Emitter) L(name string) *jen.Statement {
	switch {
	case e.receiver == "":
		return e.Vocab.L(name)
	case name == "v":
		return jen.Id(e.receiver)
	}
	return e.Vocab.L(name, e.receiver)
}

// checkMethods reports fields of a payload that have the name of an emitted
// method.
func (e *Emitter) checkMethods(s *model.Struct) {
	for _, f := range s.Fields {
		if f.Name == EncodeMethod || f.Name == DecodeMethod {
			e.Report(f.Pos, "BP701", fmt.Sprintf("generated method %s.%s collides with the field; rename the field", s.Name, f.Name))
		}
	}
}
