package history

import "github.com/batpak-go/batpak/schema"

//go:generate go tool batpakgen

const git schema.Category = 0x2

// The entities have no scope of their own: it is that of the repository, which
// [Journal.In] sets.
var (
	commit = schema.Entity[Hash]{Prefix: "commit"}
	author = schema.Entity[AuthorID]{Prefix: "author"}
	file   = schema.Entity[FileID]{Prefix: "file"}
	tag    = schema.Entity[TagID]{Prefix: "tag"}
)

var (
	begun    = schema.Event[HistoryBegun]{Category: git, Type: 0x001, Version: 1, Entity: commit}
	recorded = schema.Event[CommitRecorded]{Category: git, Type: 0x002, Version: 1, Entity: commit}
	swept    = schema.Event[FilesSwept]{Category: git, Type: 0x003, Version: 1, Entity: commit}
	authored = schema.Event[CommitAuthored]{Category: git, Type: 0x010, Version: 1, Entity: author}
	touched  = schema.Event[FileTouched]{Category: git, Type: 0x020, Version: 1, Entity: file}
	tagged   = schema.Event[TagRecorded]{Category: git, Type: 0x030, Version: 1, Entity: tag}
)

// An authorship is what one author contributed.
var authorship = schema.Projection[Authorship]{
	Name: "authorship", Version: 1, Per: author,
	Fold: schema.Fold[Authorship]{
		schema.On(authored, (*Authorship).authored),
	},
}

// A churn is how much one file changed, in all.
var churn = schema.Projection[Churn]{
	Name: "churn", Version: 1, Per: file,
	Fold: schema.Fold[Churn]{
		schema.On(touched, (*Churn).touched),
	},
}

// A file history is every change of one file.
var fileHistory = schema.Projection[FileHistory]{
	Name: "file-history", Version: 1, Per: file,
	Fold: schema.Fold[FileHistory]{
		schema.On(touched, (*FileHistory).touched),
	},
}

// A tag target is what a tag names now.
var tagTarget = schema.Projection[TagTarget]{
	Name: "tag-target", Version: 1, Per: tag,
	Fold: schema.Fold[TagTarget]{
		schema.On(tagged, (*TagTarget).tagged),
	},
}

var (
	wellFormed      = schema.Gate[Recording]{Name: "well-formed", Eval: denyMalformed}
	hasAuthor       = schema.Gate[Recording]{Name: "has-author", Eval: denyAnonymous}
	parentsRecorded = schema.Gate[Recording]{Name: "parents-recorded", Eval: denyOrphan}
)

// A commit enters the log only this way.
var recordCommit = schema.Command[Recording, CommitRecorded]{
	Name:  "record-commit",
	Event: recorded,
	Gates: schema.Gates[Recording]{wellFormed, hasAuthor, parentsRecorded},
}
