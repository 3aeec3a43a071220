// Package codec emits the code that turns payload structs into canonical bytes
// and back, with the primitives of runtime/wire.
//
// For each struct there is a table of its fields, an encoder, a decoder and,
// where it holds text, a check that the text is valid UTF-8, because an encoder
// reports no errors. Encoders take fields in schema order and leave optional
// fields out when they are zero; a decoder refuses an optional field that is
// there but zero, so that a value has one encoding.
//
// Which structs there are and in what order, and what calls the codecs, is not
// decided here.
package codec
