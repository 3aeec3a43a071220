// Package stickyfs stands before a directory and lets no sync of it succeed once one has
// failed.
//
// A sync that fails may drop what it was to write, and tell so once: the next one has
// nothing to do then, and succeeds. Several protocols of an open store give names and sync
// the directory, each on a goroutine of its own: the log begins segments, upkeep writes
// checkpoints, a compaction gives and takes names. So whose sync fails may not be the one
// whose name is lost, and who is told that all is well may have lost his.
//
// Therefore syncs go one at a time here, and all that end after one has failed fail as
// well: a name for which a sync has returned nil was given before that sync began, and
// every sync until its end has been sound. An opening begins anew, and relies on no name
// that it has not made durable itself.
//
// Who waits takes turns by a channel and not by a mutex: no lock lies over a call of the
// disk, and a test that schedules goroutines can tell who waits.
package stickyfs
