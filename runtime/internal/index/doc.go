// Package index finds records: by sequence, by id, by idempotency key, and by
// any combination of entity, entity prefix, scope, kind, category, correlation and
// time, in either direction.
//
// It lives in memory and is rebuilt from the segments when a store is opened.
// One row of 32 bytes per event lies in chunks without pointers, so the garbage
// collector never looks at them; posting lists add 4 bytes and some slack for
// each of stream, scope and kind, a keyed event 8 bytes and slack, an event that was
// given a cause or correlation 4 bytes for each, and each cause and correlation 16, and
// slack. What costs pointers is per entity, scope and kind, and per id that was given to
// several events, never per event.
//
// The index knows where a record lies but does not read it. A lookup by key, cause
// or correlation therefore gives candidates, which the caller compares with the
// record. It holds what was handed to it, durable or not: what a reader may see is
// for the caller to say.
//
// An Index is safe for concurrent use by one adder and any number of readers.
// Readers take the lock for one page at a time.
package index
