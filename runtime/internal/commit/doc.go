// Package commit is the writer: it takes appends from many goroutines, gives
// them their order, and makes them durable together.
//
// The appender encodes its records and digests their payloads before it comes
// here. Under one lock it then checks what it expects, gets sequences, versions,
// ids and hashes, and adds its records to the open group. The first to join a
// group leads it: it waits until the group before is done, seals its own, and
// writes and syncs it, while the next group is filled behind it. One sync
// serves everyone in the group. There is no goroutine of the pipeline's own
// unless a caller may cancel its wait.
//
// A group goes from stage to stage, and who drives it is another matter: its
// leader, who takes it through all of them, or one goroutine that lets requests
// join without waiting and takes the writer step by step. So a test can stop
// between any two stages, with as many requests under way as it likes.
//
// # Invariants
//
//   - Groups are written one at a time, in the order of their sequences.
//   - A group is published, to the index and the frontier at the same moment, only
//     after it is durable (in relaxed mode: written); its appenders are told after
//     that.
//   - What an append was told depends on published events only. A verdict that
//     depends on groups under way waits for them and is made again.
//   - A write that failed and was undone fails its group alone; the open group is
//     assembled again, as if the failed one had never been. Everything worse
//     poisons the pipeline: no write is tried again, and appends fail with the
//     cause until the store is opened anew.
//   - No file system call is made under the lock.
//
// The package does not judge names, sizes or gates, and does not look into
// payloads; the caller has done that.
package commit
