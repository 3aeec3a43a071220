// Package suite puts the drivers through the workloads.
//
// Rounds are interleaved: every driver has its turn before any has its next, in
// an order that differs from round to round, so that a burst of other work on the
// machine falls on all of them. Appends go to a store that is new in each turn;
// reads, and what opening takes, to one of many events that is loaded once. What
// needs memory of its own, or dies by a kill, is a child process.
package suite
