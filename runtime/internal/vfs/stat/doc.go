// Package stat says how many bytes and how many names an open file has, and asks the system
// for nothing else.
//
// Since Linux 6.13 the next write to a file whose times somebody has seen takes a time of its
// own, so that its inode has to be written, too, where a write otherwise changes the times
// once in a tick of the clock: see "Multigrain timestamps" in the kernel's documentation of
// file systems. On an ext4 without a journal a small append with its sync took half as long
// again.
package stat
