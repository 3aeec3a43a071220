// Package chain computes and checks the hashes that make the log tamper
// evident: the link of each event to its predecessor in its stream, and the
// digest of a segment that the next one carries in its header.
//
// It is the only package that imports BLAKE3 (https://github.com/BLAKE3-team/BLAKE3-specs).
// It does not know where bytes lie. Links are cumulative: an event's hash
// covers its predecessor's hash, every field a reader can see but the global
// sequence, and the digest of the payload. The sequence, and the order of
// events of different streams, are covered by the segment digests.
package chain
