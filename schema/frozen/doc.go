// Package frozen makes the payloads that are kept of each released version, so
// that a test can show for ever that they are still read.
//
// It encodes by interpreting a shape. That is a second implementation of the
// profile in runtime/wire, written from its description: it shares no code with
// what batpakgen emits and nothing with the primitives that emitted code calls, so
// each is a check of the other.
//
// The values are chosen, not random, and depend on the shape alone: zeros, the
// ends of each range, the lengths at which a header grows, optional fields with
// and without a value. A shape gives the same payloads in every run.
//
// # Files
//
// The payloads of a version lie in testdata/batpak/1_002__v3.hex beside the schema,
// a line for each:
//
//	# Payloads of kind 1:002, version 3, as they may lie in stores; lines are only added.
//	600ee2759383bcf9 zero 83a6616d6f756e7400…
//
// The first column is the fingerprint of the shape that the payload has: where a
// version has grown, there are payloads of what it was before. Lines are added
// when a version is released and never change; the lock file has the fingerprint
// of the whole. Where there are such files and no lock file that knows them, it is to
// be restored: nothing is made anew in their place.
//
// A type with a codec of its own cannot be interpreted. An optional field of one is
// left out of all payloads, a list is empty. Of a version that has such a field in
// every payload there is none, nor of one of more than 64 KiB. Its file says so, for a
// lost lock file to be missed:
//
//	# 742cff7be6c87626 no payload
package frozen
