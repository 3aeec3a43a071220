// Package record brings a log up to date with a git repository: every commit
// and tag that the log does not have is appended to it, through the gates of
// record-commit.
//
// A commit, its author's share and its files are in the log together or not at
// all, and so are the commits that share a batch with it; a commit is there
// only if its parents are, unless a shallow clone leaves those out. So the log
// is a whole history at any moment, a run that was cut off in any way is
// finished by the next, and a run with nothing new appends nothing.
//
// The package does not read what it recorded, but for the parents of a commit.
package record
