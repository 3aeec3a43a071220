package compact

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// maxNote bounds, in bytes, how much of a note is read: of more than a million
// sources.
const maxNote = 64 << 20

// Outcome is what an opening does about a merge that was under way.
type Outcome int

// The outcomes.
const (
	None     Outcome = iota // there was none
	Finished                // the merged segment is the log
	Undone                  // the sources are
	Unknown                 // the note is damaged: the log is what the names say
)

// String is the outcome in a word, empty for [None].
func (o Outcome) String() string {
	switch o {
	case Finished:
		return "finished"
	case Undone:
		return "undone"
	case Unknown:
		return "unknown"
	}
	return ""
}

// Settlement is what has to be done about a merge that was under way. Nothing of it is
// done by [Examine]; then the merged segment gets its name, so that the log can be
// read, and when it was, the rest is done.
type Settlement struct {
	Outcome Outcome
	Log     []segment.Span // the files that are the log, in order

	dir        vfs.FS
	note       *format.Compaction // nil if there is none, or a damaged one
	superseded []segment.Span
	staged     bool // the merged segment does not have its name yet
}

// Examine finds out which of the files are the log. It reads what it has to prove,
// and writes nothing. The names are durable.
//
// Errors are a [*segment.DamageError] if files contradict each other, or if both
// the merged segment of a note and one of its sources are missing; a
// [*segment.NewerError]; or the disk's.
func Examine(dir vfs.FS, files []segment.Span) (*Settlement, error) {
	s := &Settlement{dir: dir}
	note, err := readNote(dir)
	if err != nil {
		if _, damaged := errors.AsType[*format.Error](err); !damaged {
			return nil, err
		}
		sometimes.Reached("note of a merge was damaged")
		s.Outcome = Unknown
	}
	if s.note = note; note != nil {
		if files, err = s.decide(files); err != nil {
			return nil, err
		}
	}
	if s.Log, s.superseded, err = segment.Resolve(files); err != nil {
		return nil, err
	}
	return s, s.prove()
}

// decide finds out whether a merge that was noted is finished or undone, and returns
// the files that are left to choose from.
func (s *Settlement) decide(files []segment.Span) ([]segment.Span, error) {
	output := spanOf(s.note.Output)
	for _, name := range []string{output.Name(), output.Name() + vfs.TempSuffix} {
		ok, err := proves(s.dir, name, s.note.Output, s.note.Store)
		if err != nil {
			return nil, err
		}
		if !ok && !planted.Bug("merge that is noted counts as finished") {
			continue
		}
		sometimes.Reached("merge was finished by an opening")
		s.Outcome, s.staged = Finished, name != output.Name()
		if s.staged && !slices.Contains(files, output) {
			sometimes.Reached("staged merge got its name from an opening")
			files = append(slices.Clone(files), output)
		}
		return files, nil
	}
	sometimes.Reached("merge was undone by an opening")
	s.Outcome = Undone
	for _, source := range s.note.Sources {
		ok, err := proves(s.dir, spanOf(source).Name(), source, s.note.Store)
		if err != nil {
			return nil, err
		}
		if !ok && !planted.Bug("source of a merge that is undone is not looked for") {
			sometimes.Reached("source of a merge was nowhere")
			return nil, &segment.DamageError{Segment: source.First, Reason: fmt.Sprintf(
				"malformed data directory: the file %s is not the one from which %s was to be made, and that is not there either",
				spanOf(source).Name(), output.Name())}
		}
	}
	return slices.DeleteFunc(slices.Clone(files), func(f segment.Span) bool { return f == output }), nil
}

// prove holds the merged segments that others were made into against themselves: what
// was superseded is removed on the strength of them.
func (s *Settlement) prove() error {
	for _, f := range s.Log {
		if s.Outcome == Finished && f == spanOf(s.note.Output) {
			continue // it was
		}
		if !slices.ContainsFunc(s.superseded, f.Covers) {
			continue
		}
		sometimes.Reached("merge was finished without a note")
		ok, err := sound(s.dir, f)
		if err != nil {
			return err
		}
		if !ok {
			return &segment.DamageError{Segment: f.First, Reason: fmt.Sprintf("the file %s is damaged, and there are files of which it was made", f.Name())}
		}
	}
	return nil
}

// sources reports whether all that a merged segment stands for was superseded by it.
func (s *Settlement) sources(f segment.Span) bool {
	next := f.First
	for _, o := range s.superseded { // they are in order
		if f.Covers(o) && o.First == next {
			next = o.Last + 1
		}
	}
	return next > f.Last
}

// Publish gives the merged segment its name, if that is all it does not have.
func (s *Settlement) Publish() error {
	if !s.staged || planted.Bug("staged merge is forgotten by an opening") {
		return nil
	}
	name := spanOf(s.note.Output).Name()
	err := s.dir.Rename(name+vfs.TempSuffix, name)
	if err == nil {
		err = s.dir.SyncDir()
	}
	if err != nil {
		return fmt.Errorf("settle a merge: %w", err)
	}
	s.staged = false
	return nil
}

// Rebuilds reports whether nothing may be trusted that was derived from the log before
// this opening.
func (s *Settlement) Rebuilds() bool { return s.Outcome != None || len(s.superseded) > 0 }

// Apply does what is left to do, also about two merges. It may be called again when it failed.
func (s *Settlement) Apply() error {
	var err error
	if s.Outcome == Undone {
		err = undo(s.dir, s.note)
	}
	if err == nil && (len(s.superseded) > 0 || s.Outcome == Finished || s.Outcome == Unknown) {
		err = s.finish()
	}
	if err != nil {
		return fmt.Errorf("settle a merge: %w", err)
	}
	return nil
}

// finish removes what was superseded, and the note. The name that this rests on may
// have been synced in vain, unless a source is missing.
func (s *Settlement) finish() error {
	for _, f := range s.Log {
		if f.Round == 0 || !s.sources(f) {
			continue
		}
		sometimes.Reached("name of a merged segment was renewed")
		renew := func() error { return vfs.Renew(s.dir, f.Name()) }
		if err := planted.Skip("name of a merged segment is not renewed", renew); err != nil {
			return err
		}
	}
	for _, f := range s.superseded {
		if err := remove(s.dir, f.Name()); err != nil {
			return err
		}
	}
	if err := s.dir.SyncDir(); err != nil || s.Outcome == None || s.Outcome == Undone {
		return err
	}
	return clearNote(s.dir)
}

// readNote reads the note, nil if there is none.
func readNote(dir vfs.FS) (*format.Compaction, error) {
	b, err := readFile(dir, Note)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return nil, nil // or it is not ours
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", Note, err)
	}
	c, err := format.ParseCompaction(b)
	if newer, ok := errors.AsType[*format.NewerError](err); ok {
		return nil, &segment.NewerError{File: Note, Found: newer.Found}
	}
	return c, err
}

func readFile(dir vfs.FS, name string) ([]byte, error) {
	f, err := dir.Open(name, vfs.ReadOnly)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.NewSectionReader(f, 0, maxNote))
	return b, errors.Join(err, f.Close())
}

// proves reports whether the file of this name is what a note says of a part, of this
// store.
func proves(dir vfs.FS, name string, p format.Part, store [16]byte) (ok bool, err error) {
	err = open(dir, name, func(f vfs.File) (err error) {
		if p.Round == 0 {
			var d [32]byte
			d, err = digest(f, 0, p.Length)
			ok = d == p.Digest
			return err
		}
		var h format.MergedHeader
		var raw []byte
		if h, raw, ok, err = soundFile(f, spanOf(p)); ok {
			ok = chain.Digest(raw) == p.Digest && h.Length == p.Length && h.Store == store
		}
		return err
	})
	return ok, err
}

// sound reports whether a merged segment is what its header says.
func sound(dir vfs.FS, s segment.Span) (ok bool, err error) {
	err = open(dir, s.Name(), func(f vfs.File) (err error) {
		_, _, ok, err = soundFile(f, s)
		return err
	})
	return ok, err
}

// open calls use with a file, if it is there.
func open(dir vfs.FS, name string, use func(vfs.File) error) error {
	f, err := dir.Open(name, vfs.ReadOnly)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return nil
	}
	if err == nil {
		err = errors.Join(use(f), f.Close())
	}
	if err != nil {
		return fmt.Errorf("prove %s: %w", name, err)
	}
	return nil
}

// soundFile reads the header of a merged segment and reports whether it is that, and
// the rest of the file what it says.
func soundFile(f vfs.File, s segment.Span) (h format.MergedHeader, raw []byte, ok bool, err error) {
	raw = make([]byte, format.MergedHeaderSize)
	if n, err := f.ReadAt(raw, 0); err != nil && !errors.Is(err, io.EOF) {
		return h, nil, false, err
	} else if n < len(raw) {
		return h, nil, false, nil
	}
	h, err = format.ParseMergedHeader(raw)
	if err != nil || h.Segment != s.First || h.Last != s.Last || h.Round != s.Round {
		return h, nil, false, nil
	}
	if planted.Bug("merged segment is believed by its header") {
		return h, raw, true, nil
	}
	d, err := digest(f, format.MergedHeaderSize, h.Length)
	return h, raw, d == h.Digest, err
}

// digest is that of the bytes between two offsets, or of none if the file ends before.
func digest(f vfs.File, from, to uint64) (d [32]byte, err error) {
	size, err := f.Size()
	if err != nil || uint64(size) < to {
		return d, err
	}
	sum := chain.NewSegment()
	if _, err := io.Copy(sum, io.NewSectionReader(f, int64(from), int64(to-from))); err != nil {
		return d, err
	}
	return sum.Sum(), nil
}
