package batpak

import "fmt"

// Kind says what an event is: a 4-bit category and a 12-bit type. The category
// sits in the upper bits, so 0x1002 is type 0x002 of category 0x1.
type Kind uint16

// Categories that no application may write: the store's own records, and the
// records of effects.
const (
	CategorySystem = 0x0
	CategoryEffect = 0xD
)

// KindOf composes a kind. It keeps the lower 4 bits of category and the lower
// 12 bits of typ.
func KindOf(category, typ uint16) Kind {
	return Kind(category&0xF<<12 | typ&0xFFF)
}

// Category returns the upper 4 bits.
func (k Kind) Category() uint16 { return uint16(k >> 12) }

// Type returns the lower 12 bits.
func (k Kind) Type() uint16 { return uint16(k & 0xFFF) }

// Reserved reports whether the kind belongs to a category that public writes
// refuse.
func (k Kind) Reserved() bool {
	return k.Category() == CategorySystem || k.Category() == CategoryEffect
}

// String formats the kind as it is written in a schema: "0x1/0x002".
func (k Kind) String() string {
	return fmt.Sprintf("%#x/%#03x", k.Category(), k.Type())
}
