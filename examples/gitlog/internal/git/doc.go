// Package git reads the history of a git repository through the git binary:
// its commits, parents before children, with what each changed, and its tags.
//
// It uses plumbing commands, whose output no configuration of the user changes,
// and streams them: memory holds the hashes of the commits and the changes of
// one commit. It writes nothing, follows no grafts or replacements but the
// boundary of a shallow clone, and says of a commit what is stored in it: the
// parents that a shallow clone leaves out are named.
//
// Text that git has in another encoding, or in none, comes out as valid UTF-8.
// Paths and tag names are bytes.
package git
