// Package ours drives the store of this repository through its public API, as a
// program would.
//
// An event's id is its idempotency key, and its version is what the append
// expects; the store has ids of its own beside. What is projected is the balance of
// the package examples/bank, through the code that was generated for it.
package ours
