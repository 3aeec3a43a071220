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
	case model.ClassPointer:
		return typeSize(t.Elem)
	default:
		return structSize(t.Struct)
	}
}
