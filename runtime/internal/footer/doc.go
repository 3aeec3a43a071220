// Package footer gives sealed segments their footers: it reads a segment, checks
// that it is the one which the next segment names, and writes its index behind its
// last group.
//
// How long a sealed segment is, and what its digest, stands in the header of the
// next one, which is durable before a footer is written. So a footer that a crash
// has left half written is told from the segment itself and written again, and a
// segment that is not the one it was gets none.
//
// A file that has other names, by a snapshot, is not written to: whoever reads it
// under another name would lose the ground under his feet. A segment is shared when
// it has its footer, so that one is missing only where it was damaged since; the
// segment is then read whenever its index is needed.
//
// A segment need not be read to its end at once: an [Indexing] goes on where it was, so
// that checkpoints of a segment that grows, and its footer at last, cost one reading of it
// together. What was read is not looked at again: damage that comes to it later is found as
// it is in a segment that has its footer, when it is read, or by a verification.
//
// The package does not decide when: a footer may be written at any time once the
// next segment has begun, beside readers and beside the writer.
package footer
