// Package vfs is the only door to the disk: one flat directory of regular
// files, and nothing else of what a file system can do.
//
// [OpenDir] opens a real directory; package simfs keeps one in memory that can
// fail and lose power. Every protocol of the store is written against [FS] and
// [File], so that it runs unchanged on both.
//
// The room decides nothing about content, formats or the order of calls, keeps
// no cache and starts no goroutine. It has no retry except after EINTR, where
// the system promises that nothing has happened.
//
// # Invariants
//
//   - A name is one that [ValidName] accepts, so it is never a path, never
//     hidden, and the same on file systems that ignore case.
//   - No symbolic link is followed and nothing but a regular file is opened, renamed,
//     linked or removed.
//   - Durable means: the call that promised it has returned nil. [File.Sync]
//     speaks for content and size, SyncDir for names; neither for the other.
//   - The lock is on the directory itself. There is no lock file that could be
//     copied, left behind or deleted.
package vfs
