// Package turn lets goroutines that compete for the same thing go one after the
// other, in the order in which they came.
//
// It is for work that is redone when another got in between: without turns, each
// round has one winner and as many losers as there are competitors, and one of
// many may lose every time. A turn protects nothing; what it is about has a guard
// of its own. So it may end by itself, which it does when its holder keeps it for
// long. Who waits holds no lock, and what nobody waits for takes no memory.
package turn
