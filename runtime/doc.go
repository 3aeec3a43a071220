// Package batpak is an embedded event log: durable, hash-chained, and typed by
// code that batpakgen generates from a schema.
//
// Most programs use two things of it: [Open], and the journal that batpakgen
// generates for their schema (see package schema), whose methods append, decide
// and project. What the journal calls is here too, for programs without a
// schema and for readers of generated code.
//
//	store, err := batpak.Open("data", nil)
//	...
//	defer store.Close()
//	journal, err := bank.Bind(store)
//
// # Model
//
// An [Event] belongs to an entity and is filed under a scope; the two are its
// [Coordinate]. The events of an entity are its stream: they have versions 1, 2,
// 3, and a hash chain. All events of the store have sequences 1, 2, 3, given in
// the order in which they are committed by the one writer, so a reader who has
// seen sequence n never later meets a new event at or below n. A [Kind] says how
// to read the payload, which is opaque to the store.
//
// # Appending
//
// [Store.Append] stores one event, [Batch] several, of any streams, together or
// not at all. [Expect] guards an append by the version of its stream,
// [Batch.ExpectNone] by a query, [Key] makes it safe to repeat. The answer is a
// [Receipt].
//
// # Gates
//
// A command's event is appended only after its gates, pure functions over what
// the command read, let it pass. [Decide] is the loop that generated commands
// run: read, evaluate, append if nothing that was read has moved, else again. The
// verdicts are stored with the event. The same in two steps is [Propose], which
// gives a [Permit], and [Commit].
//
// # Reading
//
// [Store.Get], [Store.At] and [Store.ByKey] find one event, [Store.Events] iterates
// over what a [Query] selects, and [Store.Page] reads it page by page, from a position
// that may be kept; both do so in either direction. [Store.Ancestors] walks back
// through a stream and checks its chain; [Store.Causes] and [Store.Effects] walk the
// graph of causation. [Project] folds a stream into a state. Iterations and projections
// of more than some two thousand events read ahead on other processors; see below.
//
// All of this can be asked of a [View] too, the store as it was after some event:
//
//	then := store.View().AsOf(sequence)
//	balance, err := batpak.Project(ctx, then, "account:1", bank.FoldBalance)
//
// Each call to a [Store] reads what is visible at its beginning, as from a view of its
// own; what is read from one view fits together while others write.
//
// # Durability
//
// An append returns after its bytes, and the name of the file that holds them,
// are on disk. Nothing is shown to readers before that. [Relaxed] gives both up
// for speed, and the receipts say so. When a sync fails the writer is poisoned:
// nothing is written any more until the store is opened again, because what the
// disk holds is unknown; reads go on. How a store recovers is argued in the
// package runtime/internal/recovery, the files are described in
// runtime/internal/format/FORMAT.md. What an opening found and did is in [Store.Report];
// [Options.OnOpen] is told it as well, also of one that failed.
//
// # Evidence
//
// Every event's hash covers the hash before it in its stream and everything a
// reader can see of the event but its sequence; every segment file carries the
// digest of the one before. [Store.Verify] computes all of it again. Without a
// copy of a hash outside of the store, this proves that the files are
// consistent, not that nobody rewrote all of them: keep receipts elsewhere.
//
// # Salvage
//
// A store with damage that no crash can have done is not opened. With
// [Options.Salvage], [OpenReadOnly] shows what is still sound of it, and
// [OpenReport.Gaps] names the places that hold nothing sound and the events that are
// lost there. What follows a gap in its stream has [Meta.Unproven]; whatever needs
// every event, a projection or a gate, fails. The documentation of the option says
// what is promised and what cannot be.
//
// # Backup
//
// [Store.Snapshot] makes another directory a store with every event that is durable
// now, while everything goes on; [Restore] copies a store, or a snapshot, and proves the
// copy before it is one. How, and why a crash leaves all of it or nothing, is argued in
// the package runtime/internal/snapshot.
//
// # Compaction
//
// [Store.Compact] merges segments of like size, and with a [Retention] takes away the
// payloads of events, or events; what is left keeps its sequence, its hash and its place in
// the chain. With [Options.Compaction] a store does so by itself. Which segments are merged,
// and how often, is argued in the package runtime/internal/tiers, why a crash in the midst
// of it loses nothing in runtime/internal/compact.
//
// # Errors
//
// The few sentinels are for [errors.Is]. The facts are in typed errors such as
// [ConflictError], most with a stable Code. No input and no bytes on disk make
// this package panic.
//
// # Concurrency
//
// A [Store] is safe for concurrent use. One process at a time has it open for
// writing; beside it, any number read from it with [OpenReadOnly]. Appends of many
// goroutines share their syncs. User code, a gate, a fold, the body of a range
// loop, runs on its caller's goroutine and under no lock. A context ends the
// waiting, not the write: see [OutcomeUnknownError].
//
// The goroutines that read ahead of a long iteration, at most 5 and none if GOMAXPROCS is
// 1, end before it does, however it does. They read at most two thousand events that are
// not given then, and hold 8 MiB beside what was given. What is given is the same as
// without them.
//
// # Compatibility
//
// Files of a later version are refused, untouched, with a [FormatError]. Generated
// code names the version of this package that it was made for, and stops
// compiling if that is not served any more.
package batpak

// Order of locks: the pipeline's, then the index's, then the frontier's; and the catalog's,
// then the segment reader's, when a merged file takes the place of others. The store's own,
// the merger's and the one of turns are taken alone. A turn itself is no lock of the store:
// what waits for one holds nothing else.
// No lock lies over a call of the disk, which may be stuck for minutes: what one at a time
// does to it takes its turn by a channel. TestNoLockLiesOverTheDisk goes through all locks
// that a store leads to, at each operation of the disk.
