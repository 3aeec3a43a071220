// Package session is one run of the compiler over some packages: it reads,
// checks and emits them, and compares what was emitted with the files on disk.
//
// All that is wrong with the packages is collected as findings; an error is about
// anything else, such as a go command that fails. Nothing is written before
// [Session.Apply], and nothing at all while there are findings that are errors.
//
// It prints nothing but progress, and does not know how it was asked for.
package session
