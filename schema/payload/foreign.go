package payload

import (
	"go/types"

	"github.com/batpak-go/batpak/schema/model"
)

// wirePath is the package of the decoder that a codec reads from.
const wirePath = "github.com/batpak-go/batpak/runtime/wire"

// The methods of a type with a codec of its own: of a value the first, of a
// pointer the second.
//
//	AppendWire(dst []byte) []byte  // appends exactly one value, in canonical form
//	DecodeWire(d *wire.Decoder)    // reads exactly one value, errors stay in d
//
// It may have two more, of a value:
//
//	CheckWire() error // what keeps the value from being stored
//	IsZero() bool     // which an optional field needs
const (
	appendMethod = "AppendWire"
	decodeMethod = "DecodeWire"
	checkMethod  = "CheckWire"
	zeroMethod   = "IsZero"
)

// foreign returns how a type with a codec of its own is stored, or nil if its
// codec is not whole, which it reports, and whether the type has one.
func (r *Reader) foreign(named *types.Named, p path) (*model.Type, bool) {
	appends, decodes := own(named, appendMethod), own(types.NewPointer(named), decodeMethod)
	if appends == nil && decodes == nil {
		return nil, false
	}
	text, _ := Source(named, r.own)
	if !is(appends, isBytes, isBytes) || !is(decodes, isDecoder, nil) {
		return r.refuse(p, "BP103", "unsupported field type %s: a codec is AppendWire(dst []byte) []byte of a value, and"+
			" DecodeWire(d *wire.Decoder) of a pointer", text), true
	}
	ref := Ref(named, r.own)
	return &model.Type{
		Class: model.ClassForeign, Named: &ref,
		Checks: is(own(named, checkMethod), nil, isError), Zeroes: is(own(named, zeroMethod), nil, isBool),
	}, true
}

// own returns a method that a type declares itself or gets from no field, or nil.
func own(t types.Type, name string) *types.Signature {
	obj, index, _ := types.LookupFieldOrMethod(t, false, nil, name)
	fn, ok := obj.(*types.Func)
	if !ok || len(index) != 1 {
		return nil
	}
	return fn.Signature()
}

// is reports whether a method takes and returns one thing of the kind, or with nil
// nothing.
func is(m *types.Signature, takes, returns func(types.Type) bool) bool {
	return m != nil && !m.Variadic() && fits(m.Params(), takes) && fits(m.Results(), returns)
}

func fits(vars *types.Tuple, kind func(types.Type) bool) bool {
	if kind == nil {
		return vars.Len() == 0
	}
	return vars.Len() == 1 && kind(vars.At(0).Type())
}

func isBytes(t types.Type) bool {
	s, ok := types.Unalias(t).(*types.Slice)
	return ok && isByte(s.Elem())
}

func isError(t types.Type) bool { return types.Identical(t, types.Universe.Lookup("error").Type()) }

func isBool(t types.Type) bool { return types.Identical(t, types.Typ[types.Bool]) }

func isDecoder(t types.Type) bool {
	ptr, ok := types.Unalias(t).(*types.Pointer)
	if !ok {
		return false
	}
	named, ok := types.Unalias(ptr.Elem()).(*types.Named)
	return ok && named.Obj().Name() == "Decoder" && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == wirePath
}
