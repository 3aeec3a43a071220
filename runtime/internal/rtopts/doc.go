// Package rtopts is the door through which this module's own tests reach into
// a store's options: the disk, the wall clock, the source of randomness, and the
// ear for what the store promises.
//
// The setters are functions, not methods, so that users, who cannot import
// this package, cannot call them on the value they see.
package rtopts
