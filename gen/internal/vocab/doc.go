// Package vocab holds the words that the emitters use: names, imports, types and
// the few idioms that recur in emitted code.
//
// A [Vocab] belongs to one package. It knows the identifiers that the package
// has already, keeps emitted names apart from them and from each other, and
// collects what cannot be kept apart. Import paths and the names of local
// variables are spelled here and nowhere else.
//
// Which declarations are emitted, and what they are called, is the emitters'
// business.
package vocab
