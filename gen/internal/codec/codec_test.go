package codec_test

import (
	"go/token"
	"testing"

	"github.com/batpak-go/batpak/gen/internal/codec"
	"github.com/batpak-go/batpak/gen/internal/vocab"
	"github.com/batpak-go/batpak/schema/model"
)

func basic(b model.Basic) *model.Type { return &model.Type{Class: model.ClassBasic, Basic: b} }

func of(class model.Class, elem *model.Type) *model.Type {
	return &model.Type{Class: class, Elem: elem, Len: 3}
}

func holding(types ...*model.Type) *model.Struct {
	s := &model.Struct{Name: "S"}
	for _, t := range types {
		s.Fields = append(s.Fields, model.Field{Name: "F", Wire: "f", Type: t})
	}
	return s
}

func nested(s *model.Struct) *model.Type { return &model.Type{Class: model.ClassStruct, Struct: s} }

func TestChecked(t *testing.T) {
	text, number := basic("string"), basic("int64")
	tests := []struct {
		name string
		in   *model.Struct
		want bool
	}{
		{"nothing", holding(), false},
		{"number", holding(number), false},
		{"text", holding(number, text), true},
		{"bytes, digest, time", holding(of(model.ClassBytes, nil), of(model.ClassFixed, nil), of(model.ClassTime, nil)), false},
		{"slice of slices of text", holding(of(model.ClassSlice, of(model.ClassSlice, text))), true},
		{"array of numbers", holding(of(model.ClassArray, number)), false},
		{"pointer to text", holding(of(model.ClassPointer, text)), true},
		{"struct with text", holding(nested(holding(text))), true},
		{"struct without", holding(nested(holding(number))), false},
		{"map from text", holding(&model.Type{Class: model.ClassMap, Key: text, Elem: number}), true},
		{"map of numbers", holding(&model.Type{Class: model.ClassMap, Key: number, Elem: number}), false},
		{"enumeration", holding(&model.Type{Class: model.ClassBasic, Basic: "uint8", Enum: &model.Enum{}}), true},
		{"open enumeration", holding(&model.Type{Class: model.ClassBasic, Basic: "uint8", Enum: &model.Enum{Open: true}}), false},
		{"codec of its own", holding(&model.Type{Class: model.ClassForeign}), false},
		{"codec that checks", holding(&model.Type{Class: model.ClassForeign, Checks: true}), true},
		{"bound", &model.Struct{Fields: []model.Field{{Type: of(model.ClassBytes, nil), Max: 1}}}, true},
	}
	for _, tt := range tests {
		if got := codec.Checked(tt.in); got != tt.want {
			t.Errorf("Checked(struct with %s) = %t, want %t", tt.name, got, tt.want)
		}
	}
}

func TestSizeHintIsBounded(t *testing.T) {
	huge := &model.Type{Class: model.ClassFixed, Len: 1 << 40}
	for name, s := range map[string]*model.Struct{
		"nothing":    holding(),
		"text":       holding(basic("string")),
		"huge array": holding(huge),
		"huge, many": holding(&model.Type{Class: model.ClassArray, Len: 1 << 40, Elem: basic("bool")}),
	} {
		if got := codec.SizeHint(s); got < 16 || got > 256 || got%16 != 0 {
			t.Errorf("SizeHint(struct with %s) = %d, want a multiple of 16 from 16 to 256", name, got)
		}
	}
}

// An optional field needs a zero value that an encoder can test for.
func TestOptionalFieldsNeedAZero(t *testing.T) {
	text := basic("string")
	tests := []struct {
		name string
		in   *model.Type
		ok   bool
	}{
		{"text", text, true},
		{"array of text", of(model.ClassArray, text), true},
		{"array of arrays of text", of(model.ClassArray, of(model.ClassArray, text)), true},
		{"array of times", of(model.ClassArray, of(model.ClassTime, nil)), false},
		{"array of slices", of(model.ClassArray, of(model.ClassSlice, text)), false},
		{"slice of times", of(model.ClassSlice, of(model.ClassTime, nil)), true},
		{"map", &model.Type{Class: model.ClassMap, Key: text, Elem: text}, true},
		{"codec with a zero", &model.Type{Class: model.ClassForeign, Zeroes: true}, true},
		{"codec without", &model.Type{Class: model.ClassForeign, Named: &model.NamedRef{Name: "Money"}}, false},
		{"struct", nested(holding(text, of(model.ClassTime, nil))), true},
		{"struct that stores nothing", nested(holding()), false},
		{"struct with an array of times", nested(holding(of(model.ClassArray, of(model.ClassTime, nil)))), false},
	}
	for _, tt := range tests {
		s := holding(tt.in)
		s.Fields[0].Optional = true
		pkg := &model.Package{Structs: []*model.Struct{s}, Taken: map[string]token.Position{}}
		v := vocab.New(pkg)
		codec.New(v, pkg).Struct(s)
		ds, err := v.Diagnostics()
		if err != nil {
			t.Errorf("Struct(optional %s) = error %v, want none", tt.name, err)
		}
		if ok := len(ds) == 0; ok != tt.ok {
			t.Errorf("Struct(optional %s) reports %v, want a report: %t", tt.name, ds, !tt.ok)
		}
	}
}
