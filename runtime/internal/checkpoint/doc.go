// Package checkpoint keeps an index of what the last segment begins with, so that
// opening a store does not read that again: it writes and reads checkpoints.
//
// A checkpoint is a file of its own: a run, as in the footer of a sealed segment, of
// the events up to some end of a group, and a mark that says which segment that is
// and where the group ends. It speaks of nothing else, so that no merge of other
// segments can make it wrong.
//
// It is a cache, but it also testifies: what it covers was durable when it was
// written. So a log that is shorter than a checkpoint of it has lost events.
//
// Two names take turns, and the older of the two makes way, so that one damaged
// checkpoint costs no more than to read what came since the one before. The file has
// its content, durably, when it gets its name; the name itself is not synced, as each
// checkpoint that a power cut may bring back is true.
//
// Of a segment that this opening writes to, a checkpoint reads what came since the one
// before; the rest was read for that one, and was sound. The group that the mark names is
// read again.
//
// A [Schedule] says when one is due: after so many bytes, after so many events, or when the
// store is closed. The package does not decide what a checkpoint that does not fit the log
// means.
package checkpoint
