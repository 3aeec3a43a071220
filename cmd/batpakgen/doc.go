// Batpakgen generates typed code from the batpak schemas of Go packages.
//
// Usage:
//
//	batpakgen [flags] [packages]
//	batpakgen release [flags] [packages]
//	batpakgen lock -fix | -accept released -reason text [flags] [packages]
//	batpakgen init [flags] [dir]
//	batpakgen describe [flags] [packages]
//	batpakgen explain [code ...]
//
// Without a word of command it reads the schema declarations of the packages, by
// default of the one in the current directory, checks them, and writes the files
// *.batpak.go beside them: event kinds and codecs, a typed journal, folds and
// commands. It never runs the code it reads. Packages without a schema are passed
// over; that there is none at all is said on standard error. Generated files that
// a schema does not call for any more are removed.
//
// Beside them it writes tests, *_gen_test.go, which call packages props and props/draw
// and import gopter; the other files import the runtime alone. A module that has no
// use for them says -no-tests in each of its runs.
//
// The flags are
//
//	-check      write nothing; report generated files that are stale, missing or left over
//	-diff       like -check, and print what would change
//	-n          write nothing; name the files that would be written or removed
//	-watch      run again whenever a file changes, until interrupted
//	-force      run as if there had been no run before
//	-json       print the diagnostics as JSON on standard output
//	-C dir      work as if started in dir
//	-tags list  build tags, separated by commas
//	-no-drafts  report what is not released
//	-no-tests   generate no tests, and remove those that were
//	-debug dir  keep generated code that does not compile, a fault of batpakgen, in dir
//	-v          tell on standard error what is done, how long it takes, and of type errors
//	            in files that are not generated, which keep nothing from being written
//
// All diagnostics come in one run, in the form of go vet, on standard error:
//
//	schema.go:14:9: category 0xd is reserved [BP111]
//
// With -json they are in the form of the analysis tools, with the changes that would put
// some of them right.
//
// Nothing is written unless every schema is right, the generated code compiles
// and no file of somebody else is in the way; files whose bytes would not change
// are not touched. Generated tests are not compiled before they are written, since what
// they import need not be at hand. A run that would find everything as an earlier one left it is
// left out, unless it is to compare or to release: which ones had nothing to do is
// kept in the user's cache directory, and so is where the export data of imports is,
// for the next run. -force makes use of neither.
//
// The exit code is 0 if all is well, 1 if there are diagnostics, and 2 if the
// command was used wrongly, packages could not be loaded, or batpakgen itself is at
// fault.
//
// Beside a schema lies its lock file, batpak.lock.json, which is to be committed. It
// knows the shapes of stored events. What is new in the schema is a draft there, and
// may change freely; Release makes promises of all drafts, and puts payloads of them
// in testdata/batpak. From then on a change that would make stored events unreadable
// is a diagnostic.
//
// Lock -fix puts in order what a merge has left, conflicts in the lock file, which it
// joins, and payloads that are missing, and what a lock -accept has that was killed. Lock -accept takes a promise back: it makes
// drafts of what was released, for a reason, which stays in the lock file. That is a
// version of an event, "1:002@3" or "MoneyDeposited@3" (BP601, BP604, BP605, BP609), an
// event with all its versions, "1:002" (BP602, BP603), all events of an entity,
// "entity:account" (BP606), a projection, "projection:balance" (BP607), or a command,
// "command:withdraw" (BP608). A kind that was retired is not given back. Release and Lock
// generate code as well, and take the flags above but for -watch, -force and -no-drafts.
//
// Init writes a small schema that works, with a test, into a directory, and adds to
// go.mod what it needs and the command as a tool. It never overwrites a file. The
// package is called as -pkg says, or as the directory is.
//
// Describe prints what the schemas say: as text, or with -json for other programs,
// with -md as a catalogue of the events, with -mermaid as a diagram, with
// -jsonschema as a JSON Schema for each version of each payload. It takes -C and
// -tags too.
//
// Explain says at length what the code at the end of a diagnostic means, with a
// wrong example and a right one; without a code it lists all.
//
// A module has the command as a tool, which init sees to, and go generate runs it:
//
//	go get -tool github.com/batpak-go/batpak/cmd/batpakgen
//
//	//go:generate go tool batpakgen
package main
