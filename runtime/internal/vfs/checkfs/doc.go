// Package checkfs holds what a store asks of its disk, call by call, against the
// protocol that keeps its promises through a crash.
//
// An [FS] stands between a store and another [vfs.FS], through one opening. It
// knows what a power cut could take away at any moment: the bytes written and
// not synced, the sizes, the names, and what the opening found and nothing
// proves to be on the disk. The store tells it, by [FS.Promise], what it is about
// to call durable or to show. The first call that the protocol forbids is
// reported as a [Breach], with the calls before it. A test that crashes the disk
// has to crash it at the right moment to find an order that is wrong; here the
// wrong order itself is found, the first time it happens.
//
// # The protocol
//
//   - A promise covers events whose bytes, size, segment header and segment name
//     are durable, and durable means: written, then synced by a sync that did
//     not fail, all in this opening, or proved by a group that was found (P3 of
//     package recovery).
//   - A segment grows at its end, by its header, groups in their places and
//     zeros. Nothing before its end is written, but what was found unproven, and
//     that as it was. Its first group comes after its header and name are
//     durable; the durable mark of a group, and the place of a close group, are
//     durable when the group is written.
//   - The next segment gets its name when it is durable itself, and the one before
//     is durable and cut to its length. Then that one is written to no more,
//     whatever becomes of the next, but for its footer: what is behind its groups
//     may be changed as soon as the name of the next is durable.
//   - What a failed write left is cut off, or written over with zeros, and a cut is
//     synced, before the file is written again. After a failed sync or cut of a
//     segment, or a failed sync of the directory, nothing is changed any more but
//     names taken away. Only where a log and a merge go on beside each other does
//     the one end a little after the other, and no sync of the directory comes then.
//   - A file that was made is renamed when it is durable, and one with events not at
//     all. A name is taken away, and found bytes are cut off, when all that was made
//     in this opening is durable; the bytes cut off are kept in a lost file, unless
//     there is no space for it.
//   - A file is shared with another directory only if an event in a later segment is
//     durable, and is written to by neither from then on. A directory that a snapshot
//     is made in has a durable guard before it has anything else, loses it when all
//     else is durable or durably gone, and is not changed after that.
//   - A merged segment gets its name when it is durable and a durable note says so.
//     Its sources are removed when that name is durable, and while all of them are
//     there it may be given up. The note goes when what was removed stays so.
//   - Nothing is changed on the strength of a list of names that was read before
//     the directory was synced, nor without the exclusive lock if there was a
//     lock. Names are the store's own. At the end no file is left open.
//
// It also fills the buffers of reads with junk before the call, so that bytes
// that were not read are not mistaken for zeros, and hands writes on in a copy
// that it spoils after the call, so that nobody lives on a slice that was lent.
// [FS.NotUnder] names locks that must be free during every call.
//
// # What it does not do
//
// It does not know what a record says, changes no answer of the disk below, and
// trusts it: a sync that lies is found by the crash that follows, not here. A
// file that is changed behind its back it does not notice.
package checkfs
