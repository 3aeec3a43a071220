package jsonschema

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/batpak-go/batpak/schema/model"
)

// dialect is the version of JSON Schema that is written.
const dialect = "https://json-schema.org/draft/2020-12/schema"

// shape is a JSON Schema, as far as payloads need one.
type shape struct {
	Schema      string            `json:"$schema,omitempty"`
	Title       string            `json:"title,omitempty"`
	Description string            `json:"description,omitempty"`
	Ref         string            `json:"$ref,omitempty"`
	Comment     string            `json:"$comment,omitempty"`
	Type        string            `json:"type,omitempty"`
	Format      string            `json:"format,omitempty"`
	Encoding    string            `json:"contentEncoding,omitempty"`
	Enum        []any             `json:"enum,omitempty"`
	Minimum     json.RawMessage   `json:"minimum,omitempty"`
	Maximum     json.RawMessage   `json:"maximum,omitempty"`
	MinLength   *int64            `json:"minLength,omitempty"`
	MaxLength   *int64            `json:"maxLength,omitempty"`
	Items       *shape            `json:"items,omitempty"`
	MinItems    *int64            `json:"minItems,omitempty"`
	MaxItems    *int64            `json:"maxItems,omitempty"`
	Names       *shape            `json:"propertyNames,omitempty"`
	MaxNames    *int64            `json:"maxProperties,omitempty"`
	Others      *shape            `json:"additionalProperties,omitempty"`
	Properties  map[string]*shape `json:"properties,omitempty"`
	Required    []string          `json:"required,omitempty"`
	Defs        map[string]*shape `json:"$defs,omitempty"`
}

// Write writes one object: import path to version, "MoneyDeposited.v2", to the
// schema of that version, which refers to nothing outside of itself. The packages
// were read without errors.
func Write(w io.Writer, packages ...*model.Package) error {
	out := make(map[string]map[string]*shape, len(packages))
	for _, p := range packages {
		versions := map[string]*shape{}
		for _, e := range p.Events {
			for _, u := range e.Upcasts {
				versions[fmt.Sprintf("%s.v%d", e.Payload.Name, u.From)] = version(e, u.From, u.Source)
			}
			versions[fmt.Sprintf("%s.v%d", e.Payload.Name, e.Version)] = version(e, e.Version, e.Payload)
		}
		out[p.Path] = versions
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "\t")
	return enc.Encode(out)
}

// version is the schema of one version of an event.
func version(e *model.Event, number uint16, payload *model.Struct) *shape {
	defs := map[string]*shape{}
	s := object(payload, defs)
	s.Schema, s.Title = dialect, e.Payload.Name
	s.Comment = fmt.Sprintf("kind %#x/%#03x, version %d", e.Category, e.Type, number)
	if len(defs) > 0 {
		s.Defs = defs
	}
	return s
}

// object is the schema of a struct. The structs that it holds go to defs.
func object(st *model.Struct, defs map[string]*shape) *shape {
	s := &shape{Type: "object", Description: st.Doc, Properties: map[string]*shape{}}
	for _, f := range st.Fields {
		s.Properties[f.Wire] = bounded(value(f.Type, defs), f)
		if !f.Optional {
			s.Required = append(s.Required, f.Wire)
		}
	}
	return s
}

// bounded adds what the field's tag says to the schema of its type.
func bounded(s *shape, f model.Field) *shape {
	if f.Max == 0 {
		return s
	}
	switch t := f.Type; t.Class {
	case model.ClassBytes:
		s.MaxLength = new(base64Len(f.Max))
	case model.ClassSlice:
		s.MaxItems = new(f.Max)
	case model.ClassMap:
		s.MaxNames = new(f.Max)
	default: // text, of which a character has at least a byte
		s.MaxLength = new(f.Max)
	}
	return s
}

// value is the schema of a value.
func value(t *model.Type, defs map[string]*shape) *shape {
	switch t.Class {
	case model.ClassBasic:
		return basic(t)
	case model.ClassBytes:
		return &shape{Type: "string", Encoding: "base64"}
	case model.ClassFixed:
		n := base64Len(t.Len)
		return &shape{Type: "string", Encoding: "base64", MinLength: &n, MaxLength: &n}
	case model.ClassTime:
		return &shape{Type: "string", Format: "date-time"}
	case model.ClassSlice:
		return &shape{Type: "array", Items: value(t.Elem, defs)}
	case model.ClassArray:
		return &shape{Type: "array", Items: value(t.Elem, defs), MinItems: new(t.Len), MaxItems: new(t.Len)}
	case model.ClassPointer:
		return value(t.Elem, defs)
	case model.ClassMap:
		return &shape{Type: "object", Names: key(t.Key), Others: value(t.Elem, defs)}
	case model.ClassStruct:
		name := t.Struct.Name
		if t.Struct.PkgName != "" {
			name = t.Struct.PkgName + "." + name
		}
		if defs[name] == nil {
			defs[name] = object(t.Struct, defs)
		}
		return &shape{Ref: "#/$defs/" + name}
	}
	return &shape{Comment: "encoded by methods of its own"}
}

// key is the schema of the keys of a map, which are text in JSON.
func key(t *model.Type) *shape {
	if t.Basic == "string" {
		return nil
	}
	return &shape{Comment: "a number, as text"}
}

// basic is the schema of a basic value.
func basic(t *model.Type) *shape {
	s := &shape{}
	switch t.Basic {
	case "bool":
		s.Type = "boolean"
	case "string":
		s.Type = "string"
	case "float32", "float64":
		s.Type = "number"
	default:
		s.Type = "integer"
		s.Minimum, s.Maximum = limits(string(t.Basic))
	}
	if t.Enum == nil || t.Enum.Open {
		return s
	}
	s.Minimum, s.Maximum = nil, nil
	for _, v := range t.Enum.Values {
		s.Enum = append(s.Enum, constant(v.Literal))
	}
	return s
}

// limits are the least and the greatest value of a sized integer type.
func limits(basic string) (least, greatest json.RawMessage) {
	if size, ok := cutInt(basic, "uint"); ok {
		return json.RawMessage("0"), strconv.AppendUint(nil, 1<<size-1, 10)
	}
	size, _ := cutInt(basic, "int")
	return strconv.AppendInt(nil, -1<<(size-1), 10), strconv.AppendInt(nil, 1<<(size-1)-1, 10)
}

// cutInt returns the size in the name of an integer type.
func cutInt(basic, prefix string) (size int, ok bool) {
	if len(basic) <= len(prefix) || basic[:len(prefix)] != prefix {
		return 0, false
	}
	size, err := strconv.Atoi(basic[len(prefix):])
	return size, err == nil
}

// constant is the value of a Go literal.
func constant(literal string) any {
	text, err := strconv.Unquote(literal)
	if err != nil {
		return json.Number(literal)
	}
	return text
}

// base64Len is how long n bytes are in base64.
func base64Len(n int64) int64 { return (n + 2) / 3 * 4 }
