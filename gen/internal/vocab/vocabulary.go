package vocab

import (
	"strings"

	"github.com/dave/jennifer/jen"
)

// Packages that emitted code calls.
const (
	runtimePath = "github.com/batpak-go/batpak/runtime"
	wirePath    = runtimePath + "/wire"
	propsPath   = "github.com/batpak-go/batpak/props"
	drawPath    = propsPath + "/draw"
	gopterPath  = "github.com/leanovate/gopter"
	testingPath = "testing"
)

// docWidth is where emitted comments wrap, "// " not counted.
const docWidth = 77

// Runtime names something of the runtime.
func Runtime(name string) *jen.Statement { return jen.Qual(runtimePath, name) }

// Wire names something of the wire package.
func Wire(name string) *jen.Statement { return jen.Qual(wirePath, name) }

// Props names something of the laws, in an emitted test.
func Props(name string) *jen.Statement { return jen.Qual(propsPath, name) }

// Draw names a generator, in an emitted test.
func Draw(name string) *jen.Statement { return jen.Qual(drawPath, name) }

// Gopter names something of gopter, in an emitted test.
func Gopter(name string) *jen.Statement { return jen.Qual(gopterPath, name) }

// Testing names something of package testing.
func Testing(name string) *jen.Statement { return jen.Qual(testingPath, name) }

// Documented is a declaration under a comment: text, wrapped, and below it what
// the user wrote about the object, as it stands.
func Documented(decl *jen.Statement, text, users string) jen.Code {
	lines := wrap(text)
	if users = strings.TrimSpace(users); users != "" {
		lines = append(append(lines, ""), strings.Split(users, "\n")...)
	}
	s := jen.Null()
	for _, line := range lines {
		s.Comment(strings.TrimRight("// "+line, " \t\r")).Line()
	}
	return s.Add(decl)
}

// wrap breaks text into lines of at most docWidth bytes where it can.
func wrap(text string) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) > docWidth:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

// IfErr emits
//
//	if err != nil {
//		return …
//	}
func (n *Vocab) IfErr(results ...jen.Code) jen.Code {
	return jen.If(n.L("err").Op("!=").Nil()).Block(jen.Return(results...))
}

// IfErrIs emits
//
//	if err := call; err != nil {
//		return …
//	}
func (n *Vocab) IfErrIs(call jen.Code, results ...jen.Code) jen.Code {
	return jen.If(n.L("err").Op(":=").Add(call), n.L("err").Op("!=").Nil()).Block(jen.Return(results...))
}

// Lines is a multi-line list between braces, in the order given.
func Lines(items ...jen.Code) jen.Code {
	return jen.Custom(jen.Options{Open: "{", Close: "}", Separator: ",", Multi: true}, items...)
}
