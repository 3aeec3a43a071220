package codec

import (
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/batpak-go/batpak/gen/internal/vocab"
	"github.com/batpak-go/batpak/schema/model"
)

// Enums emits, for each enumeration that a field has and that is not open,
//
//	func knownStatus(v Status) bool {
//		switch v {
//		case StatusOpen, StatusClosed:
//			return true
//		}
//		return false
//	}
//
// [Emitter.Struct] is called before, for all structs.
func (e *Emitter) Enums(pkg *model.Package) []jen.Code {
	var decls []jen.Code
	for _, enum := range pkg.Enums {
		name, used := e.knowers[enum]
		if !used {
			continue
		}
		values := make([]jen.Code, 0, len(enum.Values))
		for _, v := range enum.Values {
			values = append(values, vocab.Ref(enum.Type.Path, v.Name))
		}
		cases := jen.Case(values...)
		if len(values) > 3 {
			cases = jen.Case(jen.Custom(jen.Options{Separator: ",\n"}, values...))
		}
		decls = append(decls, vocab.Documented(jen.Func().Id(name).Params(e.L("v").Add(vocab.Ref(enum.Type.Path, enum.Type.Name))).Bool().Block(
			jen.Switch(e.L("v")).Block(cases.Block(jen.Return(jen.True()))),
			jen.Return(jen.False()),
		), fmt.Sprintf("%s reports whether v is a constant of %s.", name, enum.Type.Name), ""))
	}
	return decls
}

// known names the function that knows the values of an enumeration.
func (e *Emitter) known(enum *model.Enum) string {
	name, ok := e.knowers[enum]
	if !ok {
		stem := vocab.Exported(enum.Type.Name)
		if enum.Type.Path != "" {
			stem = vocab.Exported(enum.Type.PkgName) + stem
		}
		name = e.Own("known" + stem)
		e.knowers[enum] = name
	}
	return name
}
