// Package catalog finds the events of a store, wherever their index is: in memory
// for the segment that is written to, or its end, on disk for all others.
//
// It is a list of parts in the order of the log, one for each segment that holds
// events; but what the last segment began with when the store was opened may be a
// part of its own, the run of a checkpoint. The last part is in memory and grows; what
// there is of a segment that is sealed is replaced by the run that reads its footer
// when that is written. What a part is asked for costs what is found, wherever the part lies.
//
// The writer may not wait for the disk. So each question has a form that is
// answered from memory alone, and says so if it cannot be: [Catalog.Recent] for
// events, [Catalog.Head] for the end of a stream. What a run says of a stream or a
// query is asked for beforehand, and stays true as long as the list of runs does,
// which [Catalog.Generation] tells.
//
// Most keys and streams that are looked for are new, and each run would have to say so. So
// once the first was asked, a sieve comes to be in memory, run after run, that says it of
// all of them together ([Catalog.Sift]): an append costs the same however many runs there
// are, until the sieve has taken the memory that it may.
//
// The heads of streams are a table of each run, 64 bytes a stream, and none of all runs, which
// would have to be kept in memory, or written with each checkpoint, by the number of
// streams. So who asks for a stream that has long been silent asks each run since, newest first,
// for about 0.15 µs each once their tables are in the cache ("head of unknown stream" of
// BenchmarkCatalog, without a sieve); merges keep them few. From its next event on the
// head is in memory.
//
// A run whose pages are damaged is given up, and its segment read again: damage to
// an index costs time and memory, never data. The package reads no segment itself;
// it is told how.
//
// A Catalog is safe for concurrent use by one adder and any number of readers.
package catalog
