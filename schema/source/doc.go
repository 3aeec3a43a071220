// Package source holds a parsed and type-checked package and finds the schema
// variables in it.
//
// A schema variable is declared at package level, has a type of package schema
// and an initialiser of its own, and is never assigned. What breaks these rules
// is reported here, as are type errors in an initialiser, identifiers of
// generated files, and build constraints on a file that declares schema
// variables.
//
// What the initialisers say is for package static to read.
package source
