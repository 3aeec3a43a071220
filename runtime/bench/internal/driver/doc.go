// Package driver says what the suite asks of a store, and holds every driver to
// one contract: what was appended is read back, in order, after the store was
// opened again. No figure is taken from a store that does not keep it.
//
// To add a store, write a [Driver] whose Open returns a [Store], fill in the
// [Ways] that it has, and name it in the list of its package.
package driver
