// Package replay reads the log: it takes in one segment after the other, holds
// each group against those before it, and enters the events in an index.
//
// It can look at files before it is their turn, on all processors, which changes nothing
// in what it finds.
//
// It writes nothing. What it reads it believes only in part: it says how far the
// log was durable according to itself, and what of its end a crash can have done;
// what follows from that, the room recovery decides and argues. It does not check
// the hash chain of streams.
package replay
