package codec

import (
	"fmt"

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
	payloads map[*model.Struct]bool // of this package's events: they have methods
}

// New returns an emitter for the structs of pkg.
func New(v *vocab.Vocab, pkg *model.Package) *Emitter {
	e := &Emitter{Vocab: v, payloads: map[*model.Struct]bool{}}
	for _, ev := range pkg.Events {
		e.payloads[ev.Payload] = true
	}
	return e
}

// Struct emits the field table of a struct, what encodes and decodes it, and
// what checks its text. A payload gets methods, any other struct functions.
func (e *Emitter) Struct(s *model.Struct) []jen.Code {
	e.checkOptional(s)
	decls := []jen.Code{e.fieldTable(s)}
	if e.payloads[s] {
		e.checkMethods(s)
		decls = append(decls, e.encodeMethod(s), e.decodeMethod(s))
	} else {
		decls = append(decls, e.encodeFunc(s))
	}
	decls = append(decls, e.decodeFunc(s))
	if HasText(s) {
		decls = append(decls, e.checkFunc(s))
	}
	return decls
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
