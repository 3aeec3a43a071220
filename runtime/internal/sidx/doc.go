// Package sidx reads and writes the index that ends a sealed segment, its SIDX
// footer: an immutable run that finds the segment's records by sequence, id,
// idempotency key, entity, entity prefix, scope, kind, category, time, cause and
// correlation.
//
// A footer is a cache. It is made by reading its segment, says by its checksums
// whether it can be trusted, and is made again if not. So nothing is lost with
// it, and nothing in it is believed: what it leads to is a record, which has a
// checksum of its own and is compared with what was asked for. That a run does not
// have something is believed as far as the checksums of its pages hold.
//
// # Layout
//
// A footer is a row of pages of 4096 bytes behind the last group of the segment,
// the last of them the trailer. A page ends in a CRC-32C of its other bytes, which
// is seeded by the store, the segment and the page's number, so that a page in the
// wrong place is a damaged one. The pages belong to sections, one after the other;
// a section holds elements of one width, and an element may lie in two pages. The
// last section is a filter, which says of most streams and keys that the run does not
// have them, for the price of one page. FORMAT.md of package format has the widths and
// fields.
//
// A run keeps its trailer in memory, about 300 bytes, and reads pages when they
// are asked for, through a [Cache] that all runs of a store share. So neither
// opening a run nor holding it costs memory in proportion to its events.
//
// # What it does not do
//
// It does not know which segments there are, nor what a reader may see. It writes
// no file: the caller gives the pages their place, and makes them durable.
package sidx
