// Package cache remembers runs that had nothing to do, by the digest of all that
// they depended on, so that the same run need not be made again.
//
// There is one empty file for each, in the user's directory for caches and never
// in a repository. That a file is there is all it says, so processes that add,
// look and clean up at the same time do not disturb each other. Every file may be
// deleted at any time.
//
// It also keeps a note of whoever runs in one place, about a state of what the runs
// depend on; the next note takes its place.
package cache
