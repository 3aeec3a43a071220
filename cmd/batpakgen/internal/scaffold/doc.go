// Package scaffold is the subcommand init: it puts a small schema that works into
// a package, and makes the module ready for it.
//
// It is a start to change, not a library: an entity, two events, a projection, a
// gate, a command, and a test. In go.mod it adds what the package needs, the
// command as a tool, and the exclusion of a module that nobody needs but that
// would bring six hundred lines to go.sum.
//
// It never overwrites a file, and writes none before the module is ready.
package scaffold
