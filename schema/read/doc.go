// Package read reads the schemas of Go packages from their source.
//
// It finds packages with the go command, tolerates that generated code is missing,
// stale or broken, and hands the syntax and types to the rooms that evaluate them.
// Nothing of the user's code is ever run.
//
// A schema that changed would be compiled, if the go command were asked for export
// data of its package, which takes most of the time of a run. It is asked for that of
// imports only where all is plain; wherever it is not, packages are loaded once with
// everything, with the same result.
//
// It is the only room that knows go/packages. It does not judge what a
// schema says beyond what its source must be like (package check does), and it
// writes nothing.
//
// Errors in the user's own files that the schema does not reach are not
// reported: code that calls functions which are yet to be generated must not
// keep them from being generated.
package read
