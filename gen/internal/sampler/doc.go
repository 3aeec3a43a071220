// Package sampler emits the generators of payloads, for tests: one function for each
// struct, out of those of package props/draw.
//
// A generator makes values that can be stored and that a decoder gives back as they
// were: within the bounds of their tags, with constants for what is an enumeration.
// It is a function of basic generators in both directions, and so knows how to
// shrink.
package sampler
