// Package recovery turns a directory, however the last process left it, into a
// log that is ready for more: a reader of all segments, an index of all events,
// and a writer at the end. It decides whether damage is a torn tail, which a
// crash may leave and which is cut off, or corruption, which is refused.
//
// It does not place groups, does not check the hash chain of streams, keeps no
// checkpoint, and reads no clock. What it cannot see is the loss of whole groups
// or whole segments from the very end of the log, and a directory put back to an
// earlier state: nothing in the directory tells that from a log which is younger.
//
// # What is assumed of the disk
//
//	A1  Bytes outside a range that is written stay as they are.
//	A2  Of a write that was not synced, any bytes may be on the disk after a power
//	    cut, in any order; where the file grew, anything may lie in the hole,
//	    even what was once elsewhere on the disk.
//	A3  Content and size of a file are durable when its sync returns without an
//	    error, names when that of the directory does.
//	A4  After a sync that failed, reads may show bytes that are not on the disk
//	    and that no later sync would write. To write them again makes them dirty.
//	A5  The death of a process loses nothing that it wrote, and makes none of it
//	    durable.
//
// # What the writer has promised
//
//	P1  A segment's header, and its name, are durable before anything is written
//	    behind it.
//	P2  A segment is durable and cut to its length before the next one is made.
//	P3  A group's durable mark, and the beginning of a close group, were durable
//	    ends of the segment when the group was written.
//	P4  Nothing is acknowledged before it is durable, and after a sync that failed
//	    nothing is written, least of all a mark.
//
// # Step by step
//
// 1. The directory is synced, so that no decision rests on a name that a power
// cut would take back. Then it is listed. Segments are numbered from 1 without a
// gap; anything else under a name of ours is corruption. So is a tail that was kept
// of a segment which is not there, as the segment's name was durable before that of
// the tail. Other names are reported and left alone.
//
// 2. Everything is read before anything is written, so that a refusal leaves the
// directory as it was.
//
// 3. A segment that another one follows is complete by P2: its header continues
// the log, its groups fill it to the last byte, and its length and digest are
// those in the header of the next. Any deviation is corruption.
//
// 4. In the last segment a header that is damaged, or that belongs elsewhere (A2),
// is a torn creation if the file ends with it: by P1 it had no group, so nothing
// in it was acknowledged. The only header that can stand there is known, so it is
// made again; for segment 1 that is a new store. If anything follows, be it zeros,
// the header once was durable, and this is corruption.
//
// 5. The groups of the last segment are read up to the first thing that is none.
// If only zeros follow, that is the end. Otherwise the rest is searched, at every
// byte, for headers of groups in their own place. By P3 the highest mark in any
// sound header, before or after, proves that the segment was durable up to it. If
// the damage begins before that, it hit what may have been acknowledged:
// corruption. If not, it is a torn tail, though sound groups may lie in it: what
// was acknowledged is durable by P4 and cannot have been damaged by a crash (A1).
// Damage of another kind to the last group of a log that was not closed looks the
// same; so the bytes are kept, and the report says what was cut.
//
// 6. A sound group that does not continue the log in its sequences, versions and
// ids was written so. That is corruption, wherever it lies. But a group of an
// earlier opening behind one of a later is old bytes from a tail that was cut (A2),
// and treated as damage.
//
// Then the repairs, each of which may be cut short by a crash and done again:
//
// 7. A torn tail is copied to a file lost-<segment>-<offset>, and that is made
// durable, before the segment is cut. One file keeps at most 64 MiB. Of 16 files
// the one from the earliest place in the log makes way for the next.
//
// 8. A last segment without groups is published again, by a durable rename, even
// if it looks sound: by A4 neither its bytes nor its name need be on the disk.
//
// 9. In one with groups, by A4, nothing but what P3 proves is known to be on the
// disk. The bytes from the highest mark to the end of the last group are written
// again, the rest is cut off, and the file is synced. Power that fails now finds
// the same bytes there, whichever of them are written (A1).
//
// 10. A log that ends in a close group, and in nothing behind it, is left as it
// is: all before the close group is durable by P3, and to lose the group itself
// loses nothing. But what follows it must not become durable before it, so the
// writer is told to write it again first.
//
// A process that dies anywhere in this, or afterwards, leaves a directory of which
// all the same is true.
package recovery
