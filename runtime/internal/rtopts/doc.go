// Package rtopts is the door through which this module's own tests reach into
// a store's options: the disk, the wall clock, the source of randomness, the
// ear for what the store promises, and the points where goroutines come in each
// other's way.
//
// The setters are functions, not methods, so that users, who cannot import
// this package, cannot call them on the value they see.
package rtopts
