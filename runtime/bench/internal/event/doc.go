// Package event makes the events that every store is fed: event number i is
// computed from i alone, so that nobody has to keep them, and anybody can tell
// whether what was read is what was written.
//
// Each block of as many events as there are entities holds every entity once, in
// an order that looks random. After 1,000 blocks each entity has 1,000 events,
// spread evenly over the log: the worst case for a store that reads one stream
// out of a shared log. Payloads look like JSON, with random hexadecimal values
// that compress a little.
//
// The package also has the one encoding that all stores use whose records are
// opaque bytes, so that none gains by a better one.
package event
