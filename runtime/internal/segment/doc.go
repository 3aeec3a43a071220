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
// The zeros are written ahead, so that the sync of a small group finds its
// blocks allocated and the size unchanged. They are cut off when the segment is
// sealed or its store closed.
//
// # Invariants
//
//   - A group begins where the one before it ends; a [Writer] writes nowhere else.
//   - [Writer.Durable] never exceeds what a sync, which succeeded and before which
//     none failed, has covered.
//   - Once a sync of a writer failed, the writer does nothing any more.
//   - Nothing is allocated for a length that exceeds the bytes in the file.
package segment
