// Package sampler emits the generators of payloads, for tests: one function for each
// struct, out of those of package props/draw.
//
// A generator makes values that can be stored and that a decoder gives back as they
// were: within the bounds of their tags, with constants for what is an enumeration.
// It is a function of basic generators in both directions, and so knows how to
// shrink. That of a nested struct is called where it is nested, so that there is one of
// it however often it is used, and shrinks within the values of others.
package sampler
