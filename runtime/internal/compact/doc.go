// Package compact merges sealed segments that lie side by side into one file, and
// takes from it what nobody wants any more: the payloads of some events, or all of
// them but their place in the log.
//
// It does not choose which segments, or what is wanted, keeps no index, and starts no
// goroutine. It never touches the segment that is written to, nor the one before it, and
// writes nothing over: a file that has its name is read or removed.
//
// # The protocol
//
//	Stage   create, write, fsync   <output>.seg.tmp     read back, and an fsync now and then before
//	        create, write, fsync   compaction.tmp
//	        fsync                  .
//	Commit  renameat               compaction.tmp → compaction
//	        fsync                  .                               it counts
//	        renameat               <output>.seg.tmp → <output>.seg
//	        fsync                  .
//	Finish  unlink                 each source
//	        fsync                  .
//	        unlink                 compaction
//	        fsync                  .
//
// # Why this is enough
//
//	M1  A merged segment that has its name is durable, whole, and equal to its sources
//	    but for what was taken away. Its header proves its bytes.
//	M2  No source is removed before the name of the output is durable.
//	M3  While a source that was not removed may be missing or come back after a crash,
//	    the file compaction is durable.
//
// So whatever a crash leaves, each segment is in a whole file. If there is a note, and
// the output is there with the digest that the note names, under its name or the
// temporary one, the merge is finished: readers may have seen it. If it is not, which
// no crash does, all sources must be there, and the merge is undone. Without a note a
// temporary file is nothing. All of this is proved by digests before anything is
// removed: a disk that lies, or somebody who copied files, may have made a mixture. A
// source that is nowhere, where the output is not, is refused.
//
// The file compaction could be done without where disks tell the truth: names and
// headers say the same. It is what tells a crash from a mixture, it names sources that
// are missing, and by it an opening knows that nothing that was derived from the log
// before may be trusted.
//
// A sync of the directory that failed and is repeated proves nothing of the names
// before it. Therefore the name of an output is renewed before sources are removed on
// the strength of it, as long as all of them are there. If one is missing, an opening
// before this one has removed it, after the name was durable.
//
// # What readers see
//
// A file that is open can be read when it is removed. Where an event lies is looked up
// in an index that changes in one step, between Commit and Finish; who looked before
// and reads after that finds the file gone, or another event in its place, and looks
// again. What is compared is the event's sequence and id.
package compact
