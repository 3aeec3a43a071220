// Package saved writes the state of a projection, and the place that it was folded
// to, as bytes that may lie anywhere, and reads them back.
//
// What such bytes claim is checked before it is believed. A digest tells damage
// from bytes that were written; the fingerprint tells states of another shape, and
// the name states of something else; the hash of the last event says of which
// history the state is, since it covers all that came before in its stream. The
// package compares none of these. It does not know the codec of a state, nor where
// the bytes are kept.
package saved
