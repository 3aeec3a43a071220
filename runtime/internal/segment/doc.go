// Package segment reads and writes the files of the log: it places groups in a
// segment, makes them durable, reads single records back, and scans the groups
// of a segment in order.
//
// It does not look into records, does not know which group should follow which,
// and does not judge whether damage is a torn tail or corruption: a [Scanner]
// says where the first thing lies that is not a group, and what lies behind it;
// the room recovery decides. Errors of the disk are passed on wrapped. Bytes that
// are not what the format wants are a [*DamageError], bytes that a later version
// wrote a [*NewerError].
//
// # A segment on disk
//
//	0        96                                   end          size
//	+--------+-------+---------+-------+---------+------------+
//	| header | group | group   | ...   | group   | zeros      |
//	+--------+-------+---------+-------+---------+------------+
//
// The zeros are written ahead, so that the sync of a group finds its blocks allocated
// and the size unchanged. They are cut off when the segment is sealed or its store
// closed.
//
// # Zeros ahead
//
// A [Writer] that has few zeros left has more of them written while it goes on, by a
// goroutine that it is lent (see [Writer.Help]), so that no append waits for them. The
// file is divided between the two at the size that the writer knows: groups go before
// it, zeros behind. The goroutine writes zeros from there on, in blocks, up to where it
// was told; it syncs nothing, cuts nothing, and reads nothing of the writer. So
//
//   - no byte is written by both, and in whatever order their writes reach the disk,
//     behind the last group are zeros or nothing;
//   - each sync is the writer's. One of the goroutine's, of the same open file, could
//     take away the report of a failure that is the writer's to hear.
//
// Before the writer does anything that concerns the size of the file, it ends the zeros
// and takes them over: before a group that they do not yet reach behind, with its room,
// which then makes the file grow by itself; before a write is taken back, a segment cut,
// a file closed; and once a sync has failed. That waits for one block at most. Of zeros
// that could not be written some may be there: those up to the block that failed count,
// the others are cut off with the segment, and no failure of theirs is told to an append.
//
// A writer that is lent nobody writes them itself, none to three steps after they were
// due: before a sync, after it, or after the next group. That is how simulated disks see
// it, on which each such order is to be cut short by crashes and failures.
//
// # Invariants
//
//   - A group begins where the one before it ends; a [Writer] writes nowhere else.
//   - [Writer.Durable] never exceeds what a sync, which succeeded and before which
//     none failed, has covered.
//   - Once a sync of a writer failed, the writer does nothing any more.
//   - Nothing is allocated for a length that exceeds the bytes in the file.
package segment
