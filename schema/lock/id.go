package lock

import "strings"

// ID is what the ids of an entity are over: "string" or a sized integer such as
// "int64", by its name in Go. The name of the Go type is the code's to change.
//
// An id lies on disk as text, in the name of its stream: a string as it is, an
// integer in decimal.
type ID string

// valid reports whether ids can be over it.
func (id ID) valid() bool {
	_, bits := id.integer()
	return bits > 0 || id == "string"
}

// integer returns the sort of an integer and how many bits it has; 0 for a string,
// and for what is no type of ids.
func (id ID) integer() (sort string, bits int) {
	switch sort = strings.TrimRight(string(id), "0123456789"); string(id)[len(sort):] {
	case "8":
		bits = 8
	case "16":
		bits = 16
	case "32":
		bits = 32
	case "64":
		bits = 64
	}
	if sort != "int" && sort != "uint" {
		bits = 0
	}
	return sort, bits
}

// Covers reports whether there is, for each id over another type, one over this type
// that has the same text: whether each stream that had a name still has one.
func (id ID) Covers(other ID) bool {
	to, toBits := id.integer()
	from, fromBits := other.integer()
	switch {
	case id == other, id == "string":
		return true
	case to == from:
		return fromBits > 0 && toBits >= fromBits
	default:
		return to == "int" && from == "uint" && toBits > fromBits && fromBits > 0
	}
}
