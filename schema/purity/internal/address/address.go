package address

import (
	"go/types"
	"strconv"
	"strings"
)

// Verb is how an argument is formatted: by 'v' with a sharp, for example.
type Verb struct {
	Letter byte
	Sharp  bool
}

// Verbs returns how a format writes each of n arguments. One that it does not mention
// is written by 'v', in a complaint.
func Verbs(format string, n int) [][]Verb {
	verbs, at := make([][]Verb, n), 0
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			continue
		}
		sharp := false
		for i++; i < len(format) && strings.IndexByte("+-# 0123456789.*[", format[i]) >= 0; i++ {
			switch format[i] {
			case '#':
				sharp = true
			case '*':
				at++
			case '[':
				index, _, _ := strings.Cut(format[i+1:], "]")
				if number, err := strconv.Atoi(index); err == nil && 0 < number && number <= n {
					at = number - 1
				}
				i += len(index) + 1
			}
		}
		if i < len(format) && format[i] != '%' {
			if at < n {
				verbs[at] = append(verbs[at], Verb{format[i], sharp})
			}
			at++
		}
	}
	for i := range verbs {
		if len(verbs[i]) == 0 {
			verbs[i] = []Verb{{Letter: 'v'}}
		}
	}
	return verbs
}

// Written returns where in an argument of a type that is whose address is written, or
// may be: ".Memo", "[].Memo", or "" for the argument itself. What an interface holds is
// not known.
func Written(t types.Type, v Verb) (path string, written bool) {
	if t == nil || v.Letter == 'T' {
		return "", false
	}
	return search{v, make(map[visit]bool)}.in(visit{t, true, true}, true)
}

// search goes through the parts of an argument.
type search struct {
	verb Verb
	seen map[visit]bool
}

// visit is a part. Its methods are called if no field on the way to it is unexported,
// and those of its fields also if it is embedded itself.
type visit struct {
	t             types.Type
	asked, inside bool
}

func (s search) in(v visit, top bool) (path string, written bool) {
	if s.seen[v] || v.asked && s.verb.hasMethod(v.t) {
		return "", false
	}
	s.seen[v] = true
	switch u := v.t.Underlying().(type) {
	case *types.Basic:
		return "", u.Kind() == types.UnsafePointer
	case *types.Chan, *types.Signature:
		return "", true
	case *types.Pointer:
		switch u.Elem().Underlying().(type) {
		case *types.Struct, *types.Slice, *types.Array, *types.Map:
			if top {
				return s.in(visit{u.Elem(), true, true}, false)
			}
		}
		return "", true
	case *types.Struct:
		for f := range u.Fields() {
			asked := v.inside && f.Exported()
			if path, written := s.in(visit{f.Type(), asked, asked || v.inside && f.Embedded()}, false); written {
				return "." + f.Name() + path, true
			}
		}
	case *types.Map:
		return s.elements(v, u.Key(), u.Elem())
	case *types.Slice:
		return s.elements(v, u.Elem())
	case *types.Array:
		return s.elements(v, u.Elem())
	}
	return "", false
}

func (s search) elements(of visit, parts ...types.Type) (path string, written bool) {
	for _, t := range parts {
		if path, written := s.in(visit{t, of.asked, of.asked}, false); written {
			return "[]" + path, true
		}
	}
	return "", false
}

// hasMethod reports whether values of a type are formatted by a method of theirs.
func (v Verb) hasMethod(t types.Type) bool {
	has := func(name string, params int) bool {
		obj, _, _ := types.LookupFieldOrMethod(t, false, nil, name)
		fn, ok := obj.(*types.Func)
		return ok && fn.Signature().Params().Len() == params
	}
	switch {
	case has("Format", 2):
		return true
	case v.Letter == 'v' && v.Sharp:
		return has("GoString", 0)
	}
	return strings.IndexByte("vsxXqw", v.Letter) >= 0 && (has("Error", 0) || has("String", 0))
}
