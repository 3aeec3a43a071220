// Package recovery turns a directory, however the last process left it, into a
// log that is ready for more: a reader of all segments, an index of all events,
// and a writer at the end. It decides whether damage is a torn tail, which a
// crash may leave and which is cut off, or corruption, which is refused.
//
// It does not place groups, does not check the hash chain of streams, writes no
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
//	A4  After a sync of a file that failed, reads may show bytes that are not on
//	    the disk and that no later sync would write. To write them again makes
//	    them dirty.
//	A5  The death of a process loses nothing that it wrote, and makes none of it
//	    durable.
//	A6  To write over bytes that are there, to cut a file, to rename and to remove
//	    one takes no space.
//
// # What the writer has promised
//
//	P1  A segment's header is durable before it gets its name, and the name before
//	    the first group.
//	P2  A segment is durable and cut to its length before the next one gets its
//	    name.
//	P3  A group's durable mark, and the beginning of a close group, were durable
//	    ends of the segment when the group was written.
//	P4  Nothing is acknowledged before it is durable, and after a sync that failed
//	    nothing is written, least of all a mark.
//	P5  The first group of an opening is durable before the second is written, and
//	    before anyone is told of it.
//	P6  Before a segment is ended, the next one has the space of its header and of a
//	    close group. Behind the last group there is always the space of a close
//	    group, as zeros.
//	P7  Behind the groups of a segment that another one follows, whose name is
//	    durable by then, the writer may put its footer, at any time. Nothing else
//	    of such a segment changes, until a merge takes its place (P9).
//	P8  What a checkpoint covers, the last segment up to the end of a group of
//	    events, was durable when it was written, and the checkpoint has its content,
//	    durably, before it gets its name.
//	P9  Segments that another two follow may be merged into one file, as package
//	    compact says: the note of the merge is durable, and the output with all its
//	    content too, before the output gets its name; no source is removed before
//	    that name is durable; and the note stays as long as a source may be missing
//	    or come back.
//
// # Step by step
//
// 1. The directory is synced, so that no decision rests on a name that a power
// cut would take back. Then it is listed. Segments are numbered from 1 without a
// gap, where a merged file stands for those from its first to its last, and one of a
// higher round for the files of which it was made; anything else under a name of ours is
// corruption, and so is a merged file without a segment behind it (P9). So is a tail that was kept
// of a segment which is not there, as the segment's name was durable before that of
// the tail. Other names are reported and left alone. But a
// directory in which a snapshot was begun and not finished is refused; see package
// snapshot.
//
// If there is the note of a merge, it is decided which files are the log: the output, if
// it is there, be it under its temporary name, and is what the note names down to its
// digest; or else the sources, all of which must then be there as the note names them.
// By P9 a crash leaves one or the other; neither is corruption. A note that is damaged
// decides nothing, and files that stand for the same segments without a note are
// proved by their own headers and digests before one is believed. The output gets its
// name then, if it has none, as otherwise there would be no log to read. Wherever there
// was anything to decide, no footer and no checkpoint is believed that was made before:
// the files that it was made of may be of either kind.
//
// 2. Everything else is read before anything else is written, so that a refusal leaves
// the directory as it was, but for that name. A last segment that ends earlier, when it is read, than its
// size says is refused: the lock is held, so nobody has cut it, and to take that
// for the end would cut off what lies behind.
//
// 3. A merged file is whole by P9: its own header names its length and the digest of
// its groups, and what the headers before and behind it must be; it is read like the
// others, or taken in by its footer. Any other segment that one follows is complete by P2: its header continues
// the log, its groups fill it to the last byte, and its length and digest are
// those in the header of the next. Any deviation is corruption. If it has a footer
// whose checksum holds, and which names the length and digest that the next header
// names, then the segment was once read whole and found to be like that: it is not
// read again, but for what is asked of it, and what it holds is taken from the
// footer. Damage that came to it since is found by the checksum and the identity of
// each record that is read, and by verification. Without such a footer it is read,
// up to the length in the next header; what lies behind is no part of the log.
//
// Files may be looked at before it is their turn, on all processors: a few at a time,
// each by somebody who knows nothing of those before it. He goes as far as the file is
// sound in itself. What only the files before can tell is checked when its turn comes: the
// store, the number, the first sequence, the digest of the segment before, the first id,
// the opening, and of each stream the version of its first event here; the other versions,
// ids and sequences follow from those. A file of which anything else is found is read again,
// or on from where it was sound, by the one who judges. So nothing that is said here
// depends on who looked ahead. On a disk that is to be asked in one order nobody does.
//
// 4. So does the last segment have a sound header that continues the log, by P1;
// any other is corruption. A last segment that has a footer is one that another
// followed (P7), which is missing: corruption. The one exception is a first segment no longer than a
// header: nothing was acknowledged in it, and a store is created in its place.
//
// 5. If there is a checkpoint whose checksums hold, of this store and segment, and
// the segment's header and the group where the checkpoint ends are, byte for byte,
// those that it names, then what it covers is taken in from it and not read. That
// group holds ids that were drawn, so whoever wrote it wrote what the checkpoint was
// made of before it: the segment is of the history of the checkpoint, and not of
// another one in which others took the places of the same events. By P8 what is
// covered is proven as if a group behind it had a mark there. So all that steps 6 to
// 11 do, to read on, to cut, to write again, and to append, happens behind bytes that
// are durable, and rests on nothing before them but on what the checkpoint says of
// them: their last sequence, id and opening, and the heads of streams. Damage that
// came to them since is found as in a segment that was taken in by its footer. But the
// digest in the header of the next segment covers them: it is made by reading them,
// and held against the digest in the checkpoint, before the segment is ended. If it
// differs, the segment is not, and who wants to append where it has no room is told of
// the damage. A store to which events are appended reads them in the background when the
// segment has little room left, so that no append waits for that. Which digest the segment had would not be known any more otherwise, and
// the damage would seem to have been there from the beginning.
//
// A checkpoint that is missing, cut, damaged, of another version, store, or segment, or
// that names another group, costs reading what it covers; the other one, which covers
// less, is tried before. The report says why. But one whose own checksums hold, of this
// store, also testifies: if the segment that it names is not there, or the log ends
// before the checkpoint does, then what was durable is gone, and that is corruption.
// So is a checkpoint where there is no store. By P8 and A3 no crash leaves that. Who
// put older files back on purpose takes the checkpoints away.
//
// The names of checkpoints are not synced (A3): a power cut may bring back the one
// before, or none, and either is as true as it was. A failed sync of the directory
// would have to end all writing, as a later one would not prove the name of a segment
// that was begun meanwhile.
//
// 6. The groups of the last segment, behind that, are read up to the first thing that is none.
// If only zeros follow, that is the end. Otherwise the rest is searched, at every
// byte, for headers of groups in their own place. By P3 the highest mark in any
// sound header, before or after, proves that the segment was durable up to it. If
// the damage begins before that, it hit what may have been acknowledged:
// corruption. If not, it is a torn tail, though sound groups may lie in it: what
// was acknowledged is durable by P4 and cannot have been damaged by a crash (A1).
// Damage of another kind to the last group of a log that was not closed looks the
// same; so the bytes are kept, and the report says what was cut.
//
// 7. A sound group that does not continue the log in its sequences, versions and
// ids was written so. That is corruption, wherever it lies. But a group of an
// earlier opening behind one of a later is old bytes from a tail that was cut (A2),
// and treated as damage. Openings are told apart by their number, which is one more
// than the highest found in a group. By P5 two that have the same number have
// written nothing but one group each, both in the same place: where the log ended.
//
// Then the repairs, each of which may be cut short by a crash and done again. A merge
// comes first: the sources that the output has taken the place of are removed, or the
// output, whichever is not the log, and the note last of all. Before sources are removed
// the name of the output is renewed, as long as all of them are there, for the reason of
// step 8; if one is missing, the name was durable before it was removed (P9).
//
// 8. A last segment without groups gets its name again, by being renamed away and
// back, before anything rests on it: by A4, which may be true of names as well,
// step 1 need not have made it durable. A crash in between loses the segment, in
// which there is nothing. Where a tail of it was kept this was done before, and is
// not done again: step 1 would miss the segment. Nor is it done where the segment
// before has its footer, which proves the name (P7): step 4 would miss the segment. That
// much is believed of a footer beside a merge, too.
//
// 9. A torn tail is copied to a file lost-<segment>-<offset>, and that is made
// durable, before the segment is cut. One file keeps at most 64 MiB. Of 16 files
// the one from the earliest place in the log makes way for the next. On a full disk
// as much is kept as there is space for, and the report says how much: a store that
// lost nothing is not kept closed for the sake of bytes that nobody was told of.
//
// 10. By A4, nothing but what P3 proves is known to be on the disk. The bytes from
// the highest mark, or from the beginning of the header if there is none, to the end
// of the last group are written again, the rest is cut off, and the file is synced. Power that fails now finds
// the same bytes there, whichever of them are written (A1). Of zeros behind the
// last group the room of a close group stays (P6).
//
// 11. A log that ends in a close group, and in nothing behind it, is left as it
// is: all before the close group is durable by P3, and to lose the group itself
// loses nothing. But what follows it must not become durable before it, so the
// writer is told to write it again first.
//
// A process that dies anywhere in this, or afterwards, leaves a directory of which
// all the same is true.
//
// # A full disk
//
// By A6 nothing of this needs space but the making of a store and the keeping of a
// torn tail, so that a store opens on a full disk. It closes on one by P6: the close
// group has its place, in the last segment or in the one that was to be begun. An
// append that finds no space is taken back by cutting what it made the file grow by,
// and by writing zeros over zeros, which are not given up as they may be the last
// that the disk had to give. A rotation meets the full disk before it ends the old
// segment. If the close group is missing all the same, because nothing was appended
// since an opening that found no room behind the last group, then it would have
// proven only what that opening made durable.
//
// # Memory that fails
//
// Between an append and the disk a bit may change in memory. The digest of a payload, which
// the event's hash covers, is made of the store's own copy, before the writer is asked, and
// the checksum of a record when the event joins its group. When that is about to be written,
// which may be a sync later, each record is held against its checksum once more: if it
// changed, nothing was written, and the append fails. What a merge has written is read back
// before its sources, the other copy, are removed.
//
// What changes later, in the memory of the system as a rule, is damage like any other:
// found by the next read, by verification, and by steps 3 to 7. A group of which no mark
// says that it was durable is cut off by step 6, kept and reported, with those behind it. In
// a synced store it can only be the newest one, as every other has a mark behind it. In a
// relaxed store it may be any that came after the last sync but one; those behind it go
// with it, and none of them is kept as if the log were whole. To read each group back
// before it is acknowledged would find the change while it is in the memory of the system,
// not in that of the disk, and cost a call for each append.
//
// What changes before there is a checksum is stored as it is then. A name or key is what it
// has become, and a payload is served until verification holds it against its hash. A
// second checksum from the append to the joining would find that, for two more passes over
// each event, one of them under the writer's lock; it is some microseconds that it would be for.
//
// # A reader beside a writer
//
// A store that is opened for reading alone is not recovered: nothing is written,
// and nothing can be synced on the writer's behalf, as by A4 a sync that succeeds
// proves nothing of one that failed elsewhere. Package replay follows the log. What
// it takes in must stay, whatever a writer does beside it, however it dies, and
// whatever the next one repairs.
//
// 1. The header of a segment is there as long as its name is (P1), and says how
// long the segment before is. Up to there, that one is durable and complete (P2).
//
// 2. In the last segment, the highest mark in any sound header of a group in its
// own place says that the segment was durable up to it (P3), be the group itself
// not, or taken back since. Groups that end there or before are taken in. They are
// read after the mark was, so whoever wrote the mark had written them: what is not
// sound is damage, never a write under way.
//
// 3. Nothing behind the mark is taken in, though the newest group may well be
// durable: a failed write is taken back, a torn tail cut off, and other groups come
// in their place. Before the mark nothing ever changes. Seals, undoings and step 9
// cut behind it, and step 10 writes the same bytes.
//
// 4. A segment is begun only when a group in it is taken in. One that has its name
// and no proven group is taken back when the directory cannot be synced, or lost in
// step 8, and then the log may go on in the one before.
//
// 5. A log that changes while it is read may look damaged, as when a segment is
// taken back between two looks. Damage is therefore looked at three times.
//
// 6. What was taken in stays in its place in the log, but a merge (P9) may move it to
// another file. A reader that has the source open goes on reading it. One that finds it
// gone lists the directory again: the merged file that stands for it has a record for
// each of its sequences, proved by the file's own header, and an event is looked for
// there by its sequence and id, so that none is shown in another's place. The merged
// file was durable when it got its name, so what it holds beyond what the reader has
// taken in is taken in with it. What a merge keeps of an event may be less than the
// reader saw before: a tombstone.
//
// So a reader needs no lock, and whether there is a writer need not be known. The last
// segment, and the one before it, are never merged, so that steps 1 to 5 are not
// touched by merges at all.
//
// A reader that wants to show what nothing proves takes the shared lock, which
// keeps writers out. Then it reads as in steps 2 to 7: only a power cut could take
// anything back.
//
// A reader uses a checkpoint of the last segment as in step 5: what it covers was durable
// when it was written (P8), so it never changes, and the segment is there to stay. When
// another segment follows, the digest that its header names is held against the footer, as
// in step 3, or against what the reader then reads, and that against the checkpoint. Beside
// a merge none is used. Only a reader that keeps writers out lets checkpoints testify: to
// any other, one that tells of more may have been written since it looked at the log.
package recovery
