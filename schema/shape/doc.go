// Package shape writes how a payload lies on disk as one line of text, reads it
// back, and says what a change of it breaks.
//
// The text has all that decides which bytes are a payload, and nothing else: not
// the names of Go types and fields, no documentation, no positions. Two structs
// whose texts are equal have the same codec.
//
//	shape  = "{" [ field { ";" field } ] "}"
//	field  = name [ "?" ] ":" type [ "<=" number ]
//	type   = basic [ "(" value { "|" value } ")" ]   values of a closed enumeration
//	       | "bytes" [ "[" number "]" ]              []byte, [16]byte
//	       | "time"
//	       | "*" type                                only after "?:"
//	       | "[" [ number ] "]" type                 slice, array
//	       | "map[" type "]" type
//	       | "codec(" path ")"                       a type with codec methods of its own
//	       | shape
//	basic  = "bool" | "string" | "int8" … "uint64" | "float32" | "float64"
//
// A value is a number, a plain word, or a text in quotes. A "?" marks a field that is left out when it is zero, and "<=" the most bytes
// of text or bytes, or elements, that a field may hold. For example:
//
//	{amount:int64;source:{kind:string;ref:string};memo?:string<=280}
//
// Fields stand in the order of the struct, because that is their order on disk:
// a decoder refuses any other. To move one is a change that breaks. Values of an enumeration are sorted, since their
// order means nothing. An open enumeration holds any value, so it is written as
// its basic type.
//
// # What is compatible
//
// A change is additive if every payload that could be read before is read to the
// same values, and encodes to the same bytes: a new optional field, a larger
// bound, a new value of an enumeration. Everything else breaks stored payloads
// or could; [Diff] tells the two apart.
//
// The package does not know which shapes were released. That is package lock's.
package shape
