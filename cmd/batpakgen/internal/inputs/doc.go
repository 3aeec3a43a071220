// Package inputs knows which files and settings the outcome of a run depends on,
// so that a run can be left out, or repeated, when that is right.
//
// It takes more into account than a run reads: all Go files of the modules whose
// source is at hand, the files by which modules and packages are found, what
// batpakgen keeps beside schemas, the settings of the go command, and batpakgen
// itself. Modules of the module cache do not change. Whatever else a run may depend
// on, such as C code or an overlay, makes the answer an [UnsureError]: who is unsure
// does the work.
//
// It neither reads schemas nor knows what is done about a change.
package inputs
