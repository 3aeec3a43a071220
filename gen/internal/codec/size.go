package codec

import "github.com/batpak-go/batpak/schema/model"

// SizeHint guesses the encoded size of a struct, in steps of 16 bytes, so that
// encoding into a buffer of this size seldom allocates again.
func SizeHint(s *model.Struct) int { return (structSize(s) + 15) &^ 15 }

// structSize guesses the encoded size of a struct.
func structSize(s *model.Struct) int {
	size := 1
	for _, f := range s.Fields {
		size += 1 + len(f.Wire) + typeSize(f.Type)
	}
	return size
}

// typeSize guesses the encoded size of a value: text and bytes count as 24
// bytes, slices as two elements.
func typeSize(t *model.Type) int {
	const maxArray = 64
	switch t.Class {
	case model.ClassBasic:
		switch t.Basic {
		case "string":
			return 24
		case "bool", "int8", "uint8":
			return 2
		case "float64":
			return 9
		default:
			return 5
		}
	case model.ClassBytes:
		return 24
	case model.ClassFixed:
		return 2 + int(min(t.Len, maxArray))
	case model.ClassTime:
		return 10
	case model.ClassSlice:
		return 1 + 2*typeSize(t.Elem)
	case model.ClassArray:
		return 1 + int(min(t.Len, maxArray))*typeSize(t.Elem)
	case model.ClassMap:
		return 1 + 2*(typeSize(t.Key)+typeSize(t.Elem))
	case model.ClassPointer:
		return typeSize(t.Elem)
	case model.ClassForeign:
		return 16
	default:
		return structSize(t.Struct)
	}
}

// maxLeast is as good as any higher number.
const maxLeast = 1 << 20

// least is how many bytes the encoding of a value has at least, which says how
// many elements the rest of an input can hold.
func least(t *model.Type) int {
	switch t.Class {
	case model.ClassBytes:
		return 2
	case model.ClassFixed:
		return 2 + int(min(t.Len, maxLeast))
	case model.ClassTime:
		return 6
	case model.ClassArray:
		return min(1+int(min(t.Len, maxLeast))*least(t.Elem), maxLeast)
	case model.ClassStruct:
		n := 1
		for _, f := range t.Struct.Fields {
			if !f.Optional {
				n += 1 + len(f.Wire) + least(f.Type)
			}
		}
		return min(n, maxLeast)
	}
	switch t.Basic {
	case "float32":
		return 5
	case "float64":
		return 9
	}
	return 1
}
