package history

import batpak "github.com/batpak-go/batpak/runtime"

// Churn is how much one file changed, in all.
type Churn struct {
	Path    []byte
	Changes uint64 // commits that touched the file
	Added   uint64 // lines
	Deleted uint64
}

// Lines is the number of lines that came or went.
func (c *Churn) Lines() uint64 { return c.Added + c.Deleted }

func (c *Churn) touched(e batpak.Stored[FileTouched]) {
	c.Path = e.Payload.Path
	c.Changes++
	c.Added += e.Payload.Added
	c.Deleted += e.Payload.Deleted
}

// FileHistory is every change of one file, in the order they were recorded.
type FileHistory struct {
	Changes []FileChange
}

// FileChange is one change of a file.
type FileChange struct {
	Cause   batpak.ID // the commit's event
	From    []byte    // the former path, if the file was renamed
	Added   uint64    // lines
	Deleted uint64
}

func (h *FileHistory) touched(e batpak.Stored[FileTouched]) {
	h.Changes = append(h.Changes, FileChange{
		Cause: e.Causation, From: e.Payload.From,
		Added: e.Payload.Added, Deleted: e.Payload.Deleted,
	})
}
