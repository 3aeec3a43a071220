// Package evolution judges a schema by what was promised about stored events: one
// function for each code.
//
// It compares the model with the lock file, and says what the lock file has to
// become. What is a draft may change in any way. A released version may only grow,
// by changes that keep every stored payload readable, and what has a name on disk
// keeps it: kinds, prefixes, the fields of payloads. A diagnostic stands at the
// line of the schema that breaks the promise and refers to the line of the lock
// file that made it; where nothing is left in the schema, it stands in the lock
// file.
//
// The rules expect a schema that package check has found nothing wrong with. They
// read no files; those of the lock and of frozen payloads are the command's.
package evolution
