// Bench measures the store of this repository beside those that a program would use
// instead, on the work of an event log, and beside what the disk allows.
//
// It is a module of its own, so that none of them becomes a dependency of anyone
// else. As it is, it has our store, a reference log that does the least that a store
// of our kind must, and a probe that writes and syncs the same bytes without a
// store. The peers are behind a build tag:
//
//	go -C runtime/bench run . -list
//	go -C runtime/bench run -tags peers . -markdown bench.md -json bench.json -svg bench.svg
//	go -C runtime/bench run -tags peers . -workloads w1,w2 -drivers batpak,ref-log,raw,pebble
//	go -C runtime/bench run -tags peers . -workloads none -growth 10000000 -rounds 3
//	go -C runtime/bench run . -from bench.json -markdown bench.md
//
// Each driver is first held to a contract: what was appended is read back, in order,
// after the store was opened again. Drivers take turns, round by round, and what
// counts are ratios within one run: figures of another hour, or of another disk,
// say little.
package main
