// Package gen turns the schema of a package into the Go files that belong
// beside it: event kinds, codecs, the typed journal, folds and commands.
//
// It is a pure function of the model. It reads no file, no clock and no
// environment, and the same model gives the same bytes. It does not judge a
// schema: package schema/check has done that, and gen relies on it. What only
// an emitter can see, that a name it has to give is taken, it reports itself.
// It does not write, compare or type-check files either; that is the command's.
//
// # Order of work
//
// Generate asks one emitter per output file for its declarations, in the order
// of the schema. While they are built, each name that the package will have is
// claimed; a claim that fails is a diagnostic, and then nothing is rendered. The
// tests that go with the files are emitted apart: they call the laws of package
// props, which need not be at hand.
//
// # House rules of the emitters
//
//   - A function emits one declaration or one kind of statement, and its
//     comment shows the Go text that it aims for.
//   - Import paths, local names and error plumbing are spelled in vocabulary.go
//     alone, names of the schema's objects in names.go alone.
//   - Statements of jennifer are built, handed on and never kept: they change
//     when they are extended.
package gen
