package vocab_test

import (
	"bytes"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/dave/jennifer/jen"
	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/gen/internal/vocab"
	"github.com/batpak-go/batpak/schema/model"
)

func TestCamel(t *testing.T) {
	for in, want := range map[string]string{
		"withdraw":     "Withdraw",
		"daily-limit":  "DailyLimit",
		"user-id":      "UserID",
		"utf8-api":     "UTF8API",
		"over-9-lives": "Over9Lives",
		"":             "",
	} {
		if got := vocab.Camel(in); got != want {
			t.Errorf("Camel(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestUnexported(t *testing.T) {
	for in, want := range map[string]string{
		"Limit":    "limit",
		"limit":    "limit",
		"ID":       "id",
		"HTTPCode": "httpCode",
		"OpenedAt": "openedAt",
		"X":        "x",
		"ÄndertID": "ändertID",
		"Max_Size": "maxSize",
		"_size":    "size",
		"__":       "__",
		"":         "",
	} {
		if got := vocab.Unexported(in); got != want {
			t.Errorf("Unexported(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestExported(t *testing.T) {
	for in, want := range map[string]string{"source": "Source", "Source": "Source", "übergabe": "Übergabe", "": "", "order_line": "OrderLine", "struct_": "Struct", "_": "_"} {
		if got := vocab.Exported(in); got != want {
			t.Errorf("Exported(%q) = %q, want %q", in, got, want)
		}
	}
}

// Packages of one name, or with the name of something else, get different ones.
func TestImportsHaveNamesOfTheirOwn(t *testing.T) {
	pkg := &model.Package{Path: "example.com/p", Taken: map[string]token.Position{"context": {}}}
	for _, path := range []string{"example.com/a/part", "example.com/b/part", "example.com/wire", "example.com/go-bank"} {
		name := path[len(path)-4:]
		pkg.Structs = append(pkg.Structs, &model.Struct{Name: "S", Path: path, PkgName: name})
	}
	f := jen.NewFile("p")
	vocab.New(pkg).Import(f)
	want := map[string]string{ // by import path, as the import declaration says
		"cmp":                                 "",
		"context":                             "contextValue",
		"time":                                "",
		"github.com/batpak-go/batpak/runtime": "batpak",
		"github.com/batpak-go/batpak/runtime/wire": "",
		"example.com/a/part":                       "",
		"example.com/b/part":                       "partValue",
		"example.com/wire":                         "wireValue",
		"example.com/go-bank":                      "bank",
	}
	for path := range want {
		f.Var().Id("_").Qual(path, "T")
	}
	var source bytes.Buffer
	if err := f.Render(&source); err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), "p.go", &source, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, imp := range parsed.Imports {
		name := ""
		if imp.Name != nil {
			name = imp.Name.Name
		}
		got[strings.Trim(imp.Path.Value, `"`)] = name
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("imports differ (-want +got):\n%s", d)
	}
}

// Structs whose names differ in case or package only get different stems.
func TestStemsDiffer(t *testing.T) {
	pkg := &model.Package{Taken: map[string]token.Position{"decodeCrate": {}}}
	for _, s := range []model.Struct{
		{Name: "Source"}, {Name: "source"}, {Name: "Screw", Path: "example.com/part", PkgName: "part"}, {Name: "PartScrew"}, {Name: "Crate"},
	} {
		pkg.Structs = append(pkg.Structs, &s)
	}
	v := vocab.New(pkg)
	for i, want := range []string{"Source", "SourceValue", "PartScrew", "PartScrewValue", "CrateValue"} {
		if got := v.Stem(pkg.Structs[i]); got != want {
			t.Errorf("Stem(%s) = %q, want %q", pkg.Structs[i].Name, got, want)
		}
	}
}
