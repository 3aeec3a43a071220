// Package read reads the schemas of Go packages from their source.
//
// It loads packages once with the go command, tolerates that generated code is
// missing, stale or broken, and hands the syntax and types to the rooms that
// evaluate them. Nothing of the user's code is ever run.
//
// It is the only room that knows go/packages. It does not judge what a
// schema says beyond what its source must be like (package check does), and it
// writes nothing.
//
// Errors in the user's own files that the schema does not reach are not
// reported: code that calls functions which are yet to be generated must not
// keep them from being generated.
package read
