package payload

import (
	"errors"
	"fmt"
	"go/types"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/batpak-go/batpak/schema/model"
)

// maxWire is the longest wire name in bytes.
const maxWire = 64

// Ref names a type as the package own sees it.
func Ref(t *types.Named, own *types.Package) model.NamedRef {
	ref := model.NamedRef{Name: t.Obj().Name()}
	if pkg := t.Obj().Pkg(); pkg != nil && pkg != own {
		ref.Path, ref.PkgName = pkg.Path(), pkg.Name()
	}
	return ref
}

// Nameable reports whether generated code in package own can name a type. It
// cannot if another package keeps the type to itself, or is internal to others:
// an alias may lead there all the same.
func Nameable(t *types.Named, own *types.Package) bool {
	pkg := t.Obj().Pkg()
	if pkg == nil || pkg == own {
		return true
	}
	return t.Obj().Exported() && importable(pkg.Path(), own.Path())
}

// importable reports whether the rule of internal packages lets one be imported.
func importable(path, from string) bool {
	const internal = "/internal/"
	i := strings.LastIndex("/"+path+"/", internal)
	if i < 0 {
		return true
	}
	parent := strings.TrimPrefix(("/" + path + "/")[:i], "/")
	return parent != "" && strings.HasPrefix(from+"/", parent+"/")
}

// Source writes a type as Go source in the package own, other packages by their
// names, and lists these packages in order of their paths.
func Source(t types.Type, own *types.Package) (string, []model.Import) {
	var imports []model.Import
	text := types.TypeString(t, func(pkg *types.Package) string {
		if pkg == own {
			return ""
		}
		if imp := (model.Import{Path: pkg.Path(), Name: pkg.Name()}); !slices.Contains(imports, imp) {
			imports = append(imports, imp)
		}
		return pkg.Name()
	})
	slices.SortFunc(imports, func(a, b model.Import) int { return strings.Compare(a.Path, b.Path) })
	return text, imports
}

// Tag is the bat tag of a struct field.
type Tag struct {
	Name    string // before the first comma
	Options []string
}

// ParseTag parses the bat key of a struct tag. A field without one has the zero
// Tag. The error says what is malformed.
func ParseTag(tag string) (Tag, error) {
	value, ok := reflect.StructTag(tag).Lookup("bat")
	if !ok {
		if strings.HasPrefix(tag, "bat") || strings.Contains(tag, " bat:") || strings.Contains(tag, `"bat:`) {
			return Tag{}, fmt.Errorf("malformed struct tag %q; want the form `bat:\"name,option\"`", tag)
		}
		return Tag{}, nil
	}
	name, rest, more := strings.Cut(value, ",")
	if !more {
		return Tag{Name: name}, nil
	}
	return Tag{Name: name, Options: strings.Split(rest, ",")}, nil
}

// storedTag is what a bat tag says of a stored field.
type storedTag struct {
	wire     string
	named    bool // the tag says so
	skip     bool
	optional bool
	float    bool
	sorted   bool
	bound    int64 // 0 = none
}

// storedAs parses the tag of a field of a payload.
func storedAs(field, tag string) (storedTag, error) {
	parsed, err := ParseTag(tag)
	if err != nil {
		return storedTag{}, err
	}
	if parsed.Name == "-" {
		if len(parsed.Options) > 0 {
			return storedTag{}, fmt.Errorf("a field that is not stored has no option %q", parsed.Options[0])
		}
		return storedTag{skip: true}, nil
	}
	s := storedTag{wire: parsed.Name, named: parsed.Name != ""}
	for i, option := range parsed.Options {
		if err := s.option(option); err != nil {
			return storedTag{}, err
		}
		if slices.Contains(parsed.Options[:i], option) {
			return storedTag{}, fmt.Errorf("option %q is given twice", option)
		}
	}
	if s.wire == "" {
		s.wire = snakeCase(field)
	}
	if !validWire(s.wire) {
		return storedTag{}, fmt.Errorf("wire name %q must match [a-z][a-z0-9_]* and have at most %d bytes; give another in a bat tag", s.wire, maxWire)
	}
	return s, nil
}

// option takes in one option of a tag.
func (s *storedTag) option(option string) error {
	name, value, _ := strings.Cut(option, "=")
	switch {
	case option == "optional":
		s.optional = true
	case option == "float":
		s.float = true
	case option == "sorted":
		s.sorted = true
	case name == "max" && s.bound > 0:
		return errors.New(`option "max" is given twice`)
	case name == "max":
		bound, err := strconv.ParseInt(value, 10, 32)
		if err != nil || bound < 1 {
			return fmt.Errorf("option %q: want max=N, with N from 1 to %d", option, math.MaxInt32)
		}
		s.bound = bound
	default:
		return fmt.Errorf("unknown option %q in bat tag; known: optional, max=N, float, sorted", option)
	}
	return nil
}

// validWire reports whether a field may be stored under the name.
func validWire(s string) bool {
	if s == "" || len(s) > maxWire {
		return false
	}
	for i, c := range []byte(s) {
		lower := c >= 'a' && c <= 'z'
		if !lower && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return true
}

// snakeCase is the wire name of a Go field: ID is id, OpenedAt is opened_at,
// HTTPCode is http_code.
func snakeCase(s string) string {
	const more = 4 // words than one
	b := make([]byte, 0, len(s)+more)
	before := '_'
	for i, r := range s {
		if unicode.IsUpper(r) && before != '_' {
			after, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):])
			if !unicode.IsUpper(before) || unicode.IsLower(after) {
				b = append(b, '_')
			}
		}
		b = utf8.AppendRune(b, unicode.ToLower(r))
		before = r
	}
	return string(b)
}
