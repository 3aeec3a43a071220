// Package snapshot makes the log of a store, up to one of its events, the log of
// another directory, beside the writer and the readers of the first, and so that the
// other directory is a whole store or none.
//
// It does not choose where the snapshot ends, does not check the hash chain of
// streams, and knows nothing of indexes. What it is given is durable: the segments
// before the last one for ever, the last one up to the end of a group.
//
// # What a snapshot is
//
// The segments from the first to the one that holds its last event, under the same
// names, with the same store, the same groups and the same digests; the last one up
// to the end of that event's group, and a close group behind it, which says that all
// before it is durable. So it opens as a store does that was closed, and shows every
// event. The close group has the number of an opening that nobody else has: it is drawn
// at random, so that what is appended to the snapshot is told from what is appended to
// the store, or to another snapshot of it. A copy that is no clone has no footer, and gets
// one when it is opened. Lost tails and foreign files are not in it, nor any that are under
// way.
//
// # Files that are shared
//
// A segment is shared by a hard link where the caller allows it and the disk can, and
// copied otherwise. A file that has two names is changed under both when it is
// written to, so:
//
//	L1  Only a segment before the one with the snapshot's last event is shared. That
//	    event is durable, so there is a durable group behind the segment, and nothing
//	    will be appended to it: neither by this writer nor by a later one, as no crash
//	    takes the next segment away again (P1 of package recovery). That a next
//	    segment has its name is not enough: without a group it may be lost, and the
//	    log then goes on in the one before.
//	L2  What recovery writes to, cuts and syncs is the last segment. That of the
//	    snapshot is a copy; that of the store is the shared one never, by L1.
//	L3  A footer is written to a segment that needs one. So one without a footer is not
//	    shared but cloned or copied, and a file that has two names gets none: should its footer be
//	    damaged, either store does without it. The two are kept apart by a lock, so that
//	    no file is shared while its footer is written.
//	L4  What replaces a segment does so by a rename, which leaves the other name with
//	    the old file.
//
// A store of which others may be the writer is copied: L1 holds for it, but it may not
// even be allowed to make links.
//
// Where there can be no link, the disk may still be able to make a clone: a file of its own,
// whose bytes are on the disk once until either file is written to (FICLONE, on XFS and
// Btrfs from one subvolume or place of mounting to another). No law above is about clones,
// as nothing that is done to the one file shows in the other. A clone is a copy that takes
// no room, and is treated as one: it is synced, as it is a new file, and nothing says that it
// is durable because the bytes are; and it is read, since what is shared is what lies on the
// disk, not what the store has in memory. It comes with its footer, and should that be
// written just then, with a part of it, which the next opening tells and makes anew.
//
// Shared bytes are on the disk once. They protect from what is done to a store, not
// from what happens to a disk; for that, there is the copy to another one.
//
// # What is checked
//
// Of every segment: its header, that it is of this store and number, and that its
// length is what the next header says. Of one that is copied, while it is, or cloned: the
// checksum of every group and, against the next header, the digest of all bytes. What
// is not as it was written is an error, and no snapshot. The caller can look at the
// whole of it before it becomes one.
//
// # Step by step
//
//	flock     .                     exclusive, to the end
//	fsync     .                     so that the list can be relied on
//	readdir   .                     must be empty
//	openat    unfinished            O_CREAT|O_EXCL
//	fsync     .                     the guard is durable before anything else is there
//	linkat    <number>.seg          or, of a clone or a copy:
//	openat    <number>.seg          O_CREAT|O_EXCL
//	ioctl     <number>.seg          FICLONE, or:
//	pwrite    <number>.seg          groups, the close group last
//	fdatasync <number>.seg
//	fsync     .                     all names are durable, all bytes were before
//	unlinkat  unfinished            the one step that makes it a store
//	fsync     .
//
// A directory with a file called unfinished is no store to any opening, so a crash
// before the unlink, or one that brings the name back, leaves none, and a crash after
// it leaves all of it. When something fails before the unlink, or the context ends,
// the files are taken away, the directory is synced, and then the guard goes: were it
// to go first, a crash could leave some of the segments without it, which look like a
// store of an earlier time. If the directory cannot be synced, the guard stays. After
// the unlink nothing is taken away any more.
//
// The directory is empty when it begins, and what is in it later was made here, so
// nothing that belongs to others is ever written to or removed.
package snapshot
