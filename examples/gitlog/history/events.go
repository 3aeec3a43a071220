package history

import "time"

// Hash names a git object: 40 or 64 lower-case hexadecimal digits.
type Hash string

// AuthorID names an author; see [AuthorOf].
type AuthorID string

// FileID names a file of one repository; see [FileOf].
type FileID string

// TagID names a tag of one repository; see [TagOf].
type TagID string

// HistoryBegun records that a line of history begins with a commit. All events
// of the commits that descend from it by first parents are correlated with it.
type HistoryBegun struct {
	// Shallow is set where the history only seems to begin: the repository is a
	// shallow clone that leaves out what came before.
	Shallow bool
}

// CommitRecorded records a commit.
type CommitRecorded struct {
	Parents     []Hash
	Author      AuthorID
	AuthoredAt  time.Time
	CommittedAt time.Time
	Subject     string // the first lines of the message; what is not UTF-8 is replaced

	Files   uint64 // changed against the first parent; none for a merge
	Added   uint64 // lines
	Deleted uint64 // lines
}

// FilesSwept records what a commit changed that touches too many files for an
// event each.
type FilesSwept struct {
	Files       uint64
	Added       uint64
	Deleted     uint64
	Directories []DirectorySwept // those with the most changed files, the rest under an empty name
}

// DirectorySwept is one top-level directory's share of a [FilesSwept].
type DirectorySwept struct {
	Directory []byte // "." for the files that are in none
	Files     uint64
	Added     uint64
	Deleted   uint64
}

// CommitAuthored records an author's share in a commit, which is the event that
// caused this one.
type CommitAuthored struct {
	Name    string
	At      time.Time
	Merge   bool `bat:",optional"`
	Files   uint64
	Added   uint64
	Deleted uint64
}

// FileTouched records that a commit, the event that caused this one, changed a
// file.
type FileTouched struct {
	Path      []byte // as git has it; any bytes but NUL
	From      []byte `bat:",optional"` // the former path of a renamed file
	Added     uint64
	Deleted   uint64
	Uncounted bool `bat:",optional"` // no lines were counted: binary, or contents that are not there
}

// TagRecorded records what a tag names. A tag that is moved gets another one.
type TagRecorded struct {
	Name      []byte // without refs/tags/; any bytes that git allows
	Object    Hash   // what the reference holds: the tag object of an annotated tag
	Annotated bool
	Target    Hash   // what is tagged
	Type      string // of the target: "commit", "tree", "blob", or "tag" for a tag of a tag
	Tagger    string `bat:",optional"`
	TaggedAt  time.Time
	Subject   string `bat:",optional"`
}
