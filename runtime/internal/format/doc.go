// Package format turns the structures of the disk into bytes and back: segment
// headers, groups, records. FORMAT.md beside it describes the files.
//
// It does no input or output, computes no hashes of the chain, and does not
// judge whether damage is a torn tail or corruption. Each AppendX has a ParseX
// that accepts exactly what AppendX writes: a parsed value, appended again,
// gives the same bytes. Lengths are checked against the bytes at hand before
// anything is believed, and nothing is allocated on the word of the input.
package format
