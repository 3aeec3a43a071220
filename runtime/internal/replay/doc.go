// Package replay reads the log: it takes in one segment after the other, holds
// each group against those before it, and enters the events in an index.
//
// It can look at files before it is their turn, on all processors, which changes nothing
// in what it finds.
//
// What it costs to read events of some hundred bytes has no one cause: of the time of a
// processor the segment's digest takes a quarter, to enter events in the index a fifth, to
// find their streams an eighth, to parse records and check their checksums a fifth, those of
// groups and the system's copying an eighth. No hash is computed for an event: the checksums
// of its group and of itself hold, and verification is for the chain. The digest is made on
// a goroutine of its own, so that one segment keeps two processors busy, and several segments
// all of them.
//
//	go test -run '^$' -bench Read ./runtime/internal/replay
//
// It writes nothing. What it reads it believes only in part: it says how far the
// log was durable according to itself, and what of its end a crash can have done;
// what follows from that, the room recovery decides and argues. It does not check
// the hash chain of streams.
package replay
