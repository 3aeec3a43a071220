// Package reflog is the reference: the least that an event log of our kind has to
// do, written to find out what Go and this disk allow. It is no product: it takes
// nothing back after an error, has no gates, no causality and no compaction, cuts
// a batch that a crash tore at its last whole record, and its memory grows with its
// events.
//
// What it does do, it does as well as we know: segments that are written ahead of
// use, one write and one fdatasync for all appends that wait, a BLAKE3 chain and a
// CRC-32C for each record, an index without pointers that is mapped from a
// snapshot when the log is opened, and reads from mapped files whose checksum is
// verified each time.
package reflog
