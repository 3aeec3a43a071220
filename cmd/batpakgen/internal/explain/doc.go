// Package explain says at length what a diagnostic code means: why the rule is
// there, an example that breaks it, and the same example put right.
//
// Each code has a txtar archive in the directory codes: the text, then the files
// of the wrong example below wrong/ and those of the right one below right/. Both
// are whole packages. A test runs the compiler over them: the wrong one gets
// exactly the code that it explains, the right one nothing. BP900 has no example, since
// it is a fault of batpakgen, which no schema is known to cause.
//
// What a code says in one line, and which codes there are, is known to package
// diag.
package explain
