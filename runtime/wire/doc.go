// Package wire turns Go values into canonical MessagePack and back. Generated
// codecs are straight lines of calls into it; they need no reflection, encode
// without allocating, and decode hostile bytes within a bound.
//
// Encoding is a set of pure functions that append to a slice. Decoding is a
// [Decoder] that keeps its first error and answers zero values from then on,
// so that a codec asks for the error once, at the end, with [Decoder.Finish].
//
// # Profile
//
// Every value has exactly one encoding:
//
//   - integers take the shortest form, those not below zero an unsigned one;
//   - lengths and counts take the shortest header;
//   - text is valid UTF-8, bytes are bin, nil and empty are the same and
//     decode to nil;
//   - an instant is the timestamp extension (type -1) in its shortest form, in
//     UTC, to the nanosecond, without the monotonic reading;
//   - a struct is a map from field names to values, in schema order;
//   - a Go map is a map whose keys, text or integers, ascend;
//   - a float has its own precision; there is one NaN, and no -0;
//   - there are no other extensions.
//
// The Decoder refuses everything else, with one exception: a struct field it
// does not know is skipped together with its value, which may be any
// well-formed MessagePack. That is what lets old code read newer events.
//
// # Bounds
//
// A declared length or count is compared with the bytes that are left before
// anything is allocated, nesting ends at [MaxDepth], and no function recurses
// on input. Decoding allocates in proportion to the input, never to what the
// input claims.
//
// The package knows no schema and no event, and decides neither which fields
// exist nor how an absent one is treated; the generated code does.
package wire
