package compact

import (
	"errors"
	"fmt"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// Note is the name of the file that says that a compaction is under way.
const Note = "compaction"

// noteTemp is the name under which the note is written.
const noteTemp = Note + vfs.TempSuffix

// ErrNames says that the directory could not be synced: what names are in it after a
// crash is unknown, whatever a later sync says.
var ErrNames = errors.New("the names of files may be lost")

func syncDir(dir vfs.FS) error {
	if err := dir.SyncDir(); err != nil {
		return fmt.Errorf("%w: %w", ErrNames, err)
	}
	return nil
}

// Commit makes the merge count, and gives the merged segment its name, durably. It
// takes no space. When it fails nobody knows which files are the log before the next
// opening of the store has settled it: until then there must be no other merge, and
// the sources are to be read, which are all there.
func (m *Merge) Commit() error {
	name := m.Span().Name()
	err := planted.Skip("merge is not noted", func() error { return m.dir.Rename(noteTemp, Note) })
	if err == nil {
		err = planted.Skip("note of a merge is not synced", func() error { return syncDir(m.dir) })
	}
	if err == nil {
		err = m.dir.Rename(name+vfs.TempSuffix, name)
	}
	if err == nil {
		err = planted.Skip("name of a merged segment is not synced", func() error { return syncDir(m.dir) })
	}
	if err != nil {
		sometimes.Reached("merge could not be committed")
		return fmt.Errorf("commit the merge of segments %d to %d: %w", m.note.Output.First, m.note.Output.Last, err)
	}
	return nil
}

// Discard gives up a merge that was staged and is not to be committed.
func (m *Merge) Discard() error {
	return errors.Join(remove(m.dir, m.Span().Name()+vfs.TempSuffix), remove(m.dir, noteTemp))
}

// writeNote makes the note, durably, under its temporary name.
func (m *Merge) writeNote() error {
	f, err := m.dir.Create(noteTemp)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(format.AppendCompaction(nil, &m.note), 0)
	if err == nil {
		err = planted.Skip("content of the note of a merge is not synced", f.Sync)
	}
	return errors.Join(err, f.Close())
}

// Finish removes the sources, which nobody opens any more, and the note. When it
// fails, the next opening of the store does the rest.
func (m *Merge) Finish() error {
	err := finish(m.dir, &m.note)
	if err != nil {
		sometimes.Reached("merge could not be finished")
		return fmt.Errorf("finish the merge of segments %d to %d: %w", m.note.Output.First, m.note.Output.Last, err)
	}
	return nil
}

// finish does what is left of a merge whose output has its name, durably.
func finish(dir vfs.FS, note *format.Compaction) error {
	if planted.Bug("note of a merge is removed before the sources") {
		if err := clearNote(dir); err != nil {
			return err
		}
	}
	var err error
	for _, s := range note.Sources {
		err = errors.Join(err, remove(dir, spanOf(s).Name()))
	}
	if err == nil {
		err = planted.Skip("removal of sources is not synced", func() error { return syncDir(dir) })
	}
	if err != nil {
		return err
	}
	return clearNote(dir)
}

// undo takes back a merge whose sources are all there. The output is gone, durably,
// before the note is, which alone says that it does not count.
func undo(dir vfs.FS, note *format.Compaction) error {
	name := spanOf(note.Output).Name()
	err := errors.Join(remove(dir, name+vfs.TempSuffix), remove(dir, name))
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return err
	}
	return clearNote(dir)
}

// clearNote removes the note, durably. There need be none.
func clearNote(dir vfs.FS) error {
	if err := remove(dir, Note); err != nil {
		return err
	}
	return syncDir(dir)
}
