package history

import batpak "github.com/batpak-go/batpak/runtime"

// TagTarget is what a tag names now.
type TagTarget struct {
	Object Hash // empty before the tag was first recorded
	Moves  uint64
}

func (t *TagTarget) tagged(e batpak.Stored[TagRecorded]) {
	if t.Object != "" {
		t.Moves++
	}
	t.Object = e.Payload.Object
}
