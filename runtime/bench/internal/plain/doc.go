// Package plain is the simplest store that keeps the contract: a file of records,
// all of which are in memory. It is for the tests of the suite, which need a store
// that has every way to read, takes no time, and can be spoilt.
package plain
