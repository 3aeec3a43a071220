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
		cases := jen.Case(jen.Custom(jen.Options{Separator: ",\n"}, rows(enum)...))
		decls = append(decls, vocab.Documented(jen.Func().Id(name).Params(e.L("v").Add(vocab.Ref(enum.Type.Path, enum.Type.Name))).Bool().Block(
			jen.Switch(e.L("v")).Block(cases.Block(jen.Return(jen.True()))),
			jen.Return(jen.False()),
		), fmt.Sprintf("%s reports whether v is a constant of %s.", name, enum.Type.Name), ""))
	}
	return decls
}

// rows are the constants of an enumeration as the lines of a case: one line as long
// as that can be read, since gofumpt joins short ones.
func rows(enum *model.Enum) []jen.Code {
	const wide = 90 // bytes of names on a line
	var rows []jen.Code
	var row []jen.Code
	width := 0
	for _, v := range enum.Values {
		if width += len(v.Name) + len(", "); width > wide && len(row) > 0 {
			rows, row, width = append(rows, jen.List(row...)), nil, len(v.Name)
		}
		row = append(row, vocab.Ref(enum.Type.Path, v.Name))
	}
	return append(rows, jen.List(row...))
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
