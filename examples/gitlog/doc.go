// Gitlog records the history of a git repository in an event log and reports
// what the log then knows.
//
//	go run ./examples/gitlog [-repo DIR] [-store DIR] [-json]
//
// Every commit becomes typed events: that it was recorded, through the gates of
// the command record-commit, its author's share, and each file it touched, in
// one batch; every tag becomes one more. Causation leads from a commit to its
// first parent. Run again, it appends what is new and nothing else; interrupted
// or killed at any moment, it goes on where it was.
//
// It is also the example of a program around a batpak log, room by room:
// history is the schema, internal/git reads the repository, internal/record
// appends, internal/report reads back. This package has the flags, the place of
// the log and the progress on a terminal.
//
// It needs the git binary, and changes nothing in the repository.
package main
