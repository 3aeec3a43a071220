package compact_test

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/internal/compact"
	"github.com/batpak-go/batpak/runtime/internal/format"

	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// halves are what a merge leaves that is killed before an operation.
type halves struct {
	*trial
	staged  *simfs.Disk // noted, the output has its temporary name
	named   *simfs.Disk // the output has its name, all sources are there
	partial *simfs.Disk // the first source is removed
	last    *simfs.Disk // nothing is left but to remove the note
	done    *simfs.Disk
}

func cut(t *testing.T, seed uint64) *halves {
	t.Helper()
	h := &halves{trial: newTrial(t, seed)}
	disk := h.disk.Kill()
	removed := 0
	disk.OnOp(func(op faultfs.Op, name string) {
		_, file := segment.ParseSpan(name)
		switch {
		case op == faultfs.OpRename && strings.Contains(name, ".seg"):
			h.staged = disk.Kill()
		case op == faultfs.OpRemove && file && removed == 0:
			h.named = disk.Kill()
			removed++
		case op == faultfs.OpRemove && file && removed == 1:
			h.partial = disk.Kill()
			removed++
		case op == faultfs.OpRemove && name == compact.Note:
			h.last = disk.Kill()
		}
	})
	if _, err := h.run(disk); err != nil {
		t.Fatal(err)
	}
	h.done = disk.Kill()
	return h
}

// settled opens an image.
func settled(t *testing.T, image *simfs.Disk) ([]event, compact.Outcome) {
	t.Helper()
	events, outcome, err := settle(image.FS())
	if err != nil {
		t.Fatal(err)
	}
	return events, outcome
}

// TestUndoneBesideAFinishedMerge: where the note is of a merge that is undone, and the
// sources of another one are still there, both are settled by one opening: the merged
// segment has a name that lasts, and what it was made of is gone.
func TestUndoneBesideAFinishedMerge(t *testing.T) {
	h := cut(t, 0)
	next := h.done.Kill()
	var note []byte
	next.OnOp(func(op faultfs.Op, name string) {
		if op == faultfs.OpRename && strings.Contains(name, ".seg") {
			note = next.Bytes(compact.Note)
		}
	})
	if _, err := merge(next.FS(), spans(next), 0, 2, decide); err != nil || note == nil {
		t.Fatalf("merge once more: %v, with a note of %d bytes", err, len(note))
	}
	image := h.named.Kill()
	image.SetBytes(compact.Note, note)
	got, outcome := settled(t, image)
	if d := cmp.Diff(h.after, got); d != "" || outcome != compact.Undone {
		t.Errorf("outcome %d, events:\n%s", outcome, d)
	}
	if d := cmp.Diff(contents(h.done), contents(image.CutHard())); d != "" {
		t.Errorf("files:\n%s", d)
	}
}

// TestColdStartContract has the rows of the contract that are about a merge which a
// crash has cut short.
func TestColdStartContract(t *testing.T) {
	h := cut(t, 0)

	// CS7: pending marker, merged output committed: superseded sources are ignored, the
	// merged file is used, temporary source files are not.
	t.Run("CS7", func(t *testing.T) {
		for name, half := range map[string]*simfs.Disk{"staged": h.staged, "named": h.named, "partial": h.partial, "last": h.last} {
			image := half.Kill()
			for _, s := range h.files { // whatever somebody has made of them
				image.SetBytes(s.Name()+".tmp", []byte("junk"))
			}
			if name != "last" {
				b := image.Bytes(h.files[1].Name())
				b[len(b)-1]++
				image.SetBytes(h.files[1].Name(), b)
			}
			got, outcome := settled(t, image)
			if d := cmp.Diff(h.after, got); d != "" || outcome != compact.Finished {
				t.Errorf("%s: outcome %d, events:\n%s", name, outcome, d)
			}
			if d := cmp.Diff(contents(h.done), contents(image)); d != "" {
				t.Errorf("%s: files:\n%s", name, d)
			}
		}
	})

	// CS8: pending marker, merge not committed: the pre-compaction set is reconstructed
	// exactly.
	t.Run("CS8", func(t *testing.T) {
		want := contents(h.disk)
		for name, half := range map[string]*simfs.Disk{"staged": h.staged, "named": h.named} {
			for what, spoil := range map[string]func([]byte) []byte{
				"cut":     func(b []byte) []byte { return b[:300] },
				"changed": func(b []byte) []byte { b[300] ^= 0x10; return b },
				"empty":   func(b []byte) []byte { return nil },
			} {
				image := half.Kill()
				for _, n := range image.Names() {
					if strings.Contains(n, "-") {
						image.SetBytes(n, spoil(slices.Clone(image.Bytes(n))))
					}
				}
				got, outcome := settled(t, image)
				if d := cmp.Diff(h.before, got); d != "" || outcome != compact.Undone {
					t.Errorf("%s, output %s: outcome %d, events:\n%s", name, what, outcome, d)
				}
				if d := cmp.Diff(want, contents(image)); d != "" {
					t.Errorf("%s, output %s: files:\n%s", name, what, d)
				}
			}
		}
	})

	// CS9: a marker that names a source which is nowhere: typed "malformed data
	// directory" error; unrelated segments do not satisfy it.
	t.Run("CS9", func(t *testing.T) {
		for what, spoil := range map[string]func(image *simfs.Disk, name string){
			"missing": func(image *simfs.Disk, name string) { image.Delete(name) },
			"temporary": func(image *simfs.Disk, name string) {
				image.SetBytes(name+".tmp", image.Bytes(name))
				image.Delete(name)
			},
			"unrelated": func(image *simfs.Disk, name string) { image.SetBytes(name, image.Bytes(segment.Name(4))) },
			"cut":       func(image *simfs.Disk, name string) { image.SetBytes(name, image.Bytes(name)[:100]) },
		} {
			for _, source := range h.files[h.from:h.to] {
				image := h.staged.Kill()
				for _, n := range image.Names() {
					if strings.Contains(n, "-") {
						image.Delete(n)
					}
				}
				spoil(image, source.Name())
				refused(t, what, image, source.First, "malformed data directory")
			}
		}
	})

	// CS10: clearing an absent marker succeeds; any other error surfaces.
	t.Run("CS10", func(t *testing.T) {
		image := h.last.Kill()
		s, err := compact.Examine(image.FS(), spans(image))
		if err != nil {
			t.Fatal(err)
		}
		image.Delete(compact.Note)
		if err := s.Apply(); err != nil {
			t.Errorf("Apply without a marker = %v, want nil", err)
		}
		image = h.last.Kill()
		s, err = compact.Examine(image.FS(), spans(image))
		if err != nil {
			t.Fatal(err)
		}
		image.Fail(faultfs.Fault{Op: faultfs.OpRemove})
		if err := s.Apply(); err == nil {
			t.Error("Apply with a marker that cannot be removed = nil, want an error")
		}
		if err := s.Apply(); err != nil {
			t.Errorf("Apply again = %v, want nil", err)
		}
		if slices.Contains(image.Names(), compact.Note) {
			t.Error("the marker is there, want none")
		}
	})

	// CS11: a pending marker forces a rebuild.
	t.Run("CS11", func(t *testing.T) {
		for want, images := range map[bool][]*simfs.Disk{true: {h.staged, h.named, h.partial, h.last}, false: {h.disk, h.done}} {
			for i, image := range images {
				s, err := compact.Examine(image.FS(), spans(image))
				if err != nil {
					t.Fatal(err)
				}
				if s.Rebuilds() != want {
					t.Errorf("image %d: Rebuilds() = %v, want %v", i, s.Rebuilds(), want)
				}
			}
		}
	})
}

// refused wants an opening to be refused because of a segment, with nothing touched.
func refused(t *testing.T, what string, image *simfs.Disk, number uint64, reason string) {
	t.Helper()
	files := contents(image)
	_, _, err := settle(image.FS())
	damage, ok := errors.AsType[*segment.DamageError](err)
	if !ok || damage.Segment != number || !strings.Contains(damage.Reason, reason) {
		t.Errorf("%s: opening = %v, want a damage of segment %d: %s", what, err, number, reason)
	}
	if d := cmp.Diff(files, contents(image)); d != "" {
		t.Errorf("%s: files were touched:\n%s", what, d)
	}
}

// flips calls do with images of a disk in which one bit of a byte of the file has
// changed, or the file has lost its end.
//
// Of a merged segment only what is part of the log is changed.
func flips(disk *simfs.Disk, name string, do func(image *simfs.Disk, at int)) {
	b := disk.Bytes(name)
	end := len(b)
	if h, err := format.ParseMergedHeader(b); err == nil {
		end = int(h.Length)
	}
	for at := 0; at < end; at += 1 + end/500 {
		image, c := disk.Kill(), slices.Clone(b)
		c[at] ^= 1 << (at % 8)
		image.SetBytes(name, c)
		do(image, at)
		if at%16 == 0 {
			image = disk.Kill()
			image.SetBytes(name, b[:at])
			do(image, at)
		}
	}
}

// TestDamagedNote: a damaged note costs nothing.
func TestDamagedNote(t *testing.T) {
	h := cut(t, 0)
	for _, c := range []struct {
		half *simfs.Disk
		want []event
	}{{h.staged, h.before}, {h.named, h.after}, {h.partial, h.after}, {h.last, h.after}} {
		flips(c.half, compact.Note, func(image *simfs.Disk, at int) {
			got, outcome := settled(t, image)
			if !slices.Equal(got, c.want) || outcome != compact.Unknown {
				t.Fatalf("byte %d: outcome %d, events:\n%s", at, outcome, cmp.Diff(c.want, got))
			}
			if n := len(spans(image)); len(image.Names()) != n {
				t.Fatalf("byte %d: files = %v", at, image.Names())
			}
		})
	}
}

// TestNewerNote: what a later version is about to do is left to it.
func TestNewerNote(t *testing.T) {
	h := cut(t, 0)
	b := slices.Clone(h.named.Bytes(compact.Note))
	b[8]++
	binary.LittleEndian.PutUint32(b[len(b)-4:], crc32.Checksum(b[:len(b)-4], crc32.MakeTable(crc32.Castagnoli)))
	h.named.SetBytes(compact.Note, b)
	files := contents(h.named)
	_, _, err := settle(h.named.FS())
	if newer, ok := errors.AsType[*segment.NewerError](err); !ok || newer.File != compact.Note || newer.Found != 2 {
		t.Errorf("opening = %v, want a newer version of the note", err)
	}
	if d := cmp.Diff(files, contents(h.named)); d != "" {
		t.Errorf("files were touched:\n%s", d)
	}
}

// TestDamagedOutput: while the sources are there, a damaged merged segment costs the
// merge; later it is refused, and never are other events shown.
func TestDamagedOutput(t *testing.T) {
	h := cut(t, 0)
	output := segment.Span{First: h.files[h.from].First, Last: h.files[h.to-1].Last, Round: 1}.Name()
	flips(h.named, output, func(image *simfs.Disk, at int) {
		got, outcome := settled(t, image)
		if !slices.Equal(got, h.before) || outcome != compact.Undone {
			t.Fatalf("byte %d: outcome %d, events:\n%s", at, outcome, cmp.Diff(h.before, got))
		}
	})
	flips(h.partial, output, func(image *simfs.Disk, at int) {
		refused(t, "a source is removed", image, 1, "malformed")
	})
	flips(h.done, output, func(image *simfs.Disk, at int) {
		if got, _, err := settle(image.FS()); err == nil && !slices.Equal(got, h.after) {
			t.Fatalf("byte %d: events:\n%s", at, cmp.Diff(h.after, got))
		} else if err == nil {
			t.Fatalf("byte %d: no error", at)
		}
	})
	image := h.named.Kill()
	image.Delete(compact.Note)
	b := slices.Clone(image.Bytes(output))
	b[300]++
	image.SetBytes(output, b)
	refused(t, "there is no note", image, 1, "of which it was made")
}

// TestDamagedSource: damage that was there before is not merged, and what a source has
// become afterwards does not matter.
func TestDamagedSource(t *testing.T) {
	h := cut(t, 1)
	for _, source := range h.files[h.from:h.to] {
		flips(h.disk, source.Name(), func(image *simfs.Disk, at int) {
			files := contents(image)
			done, err := h.run(image)
			if _, damaged := errors.AsType[*segment.DamageError](err); done || !damaged {
				t.Fatalf("merge with byte %d of %s changed = %v, want a damage", at, source.Name(), err)
			}
			if d := cmp.Diff(files, contents(image)); d != "" {
				t.Fatalf("files were touched:\n%s", d)
			}
		})
		image := h.named.Kill()
		image.SetBytes(source.Name(), []byte("junk"))
		if got, outcome := settled(t, image); !slices.Equal(got, h.after) || outcome != compact.Finished {
			t.Errorf("outcome %d, events:\n%s", outcome, cmp.Diff(h.after, got))
		}
	}
}

// TestSuperseded: without a note, a file of which another one was made is removed when
// that is sound.
func TestSuperseded(t *testing.T) {
	h := cut(t, 0)
	for _, half := range []*simfs.Disk{h.named, h.partial} {
		image := half.Kill()
		image.Delete(compact.Note)
		got, outcome := settled(t, image)
		if !slices.Equal(got, h.after) || outcome != compact.None {
			t.Errorf("outcome %d, events:\n%s", outcome, cmp.Diff(h.after, got))
		}
		if d := cmp.Diff(contents(h.done), contents(image)); d != "" {
			t.Errorf("files:\n%s", d)
		}
	}
}

// TestForgedSource: nor is a source merged whose checksums hold, and which is another
// than the next segment says.
func TestForgedSource(t *testing.T) {
	p := newTrial(t, 0)
	name := p.files[1].Name()
	b := p.disk.Bytes(name)
	at := format.Place{Store: storeID, Segment: 2, Offset: format.SegmentHeaderSize}
	g, err := format.ParseGroupHeader(b[at.Offset:], at)
	if err != nil {
		t.Fatal(err)
	}
	body := b[at.Offset+format.GroupHeaderSize:][:g.BodyLength]
	r, rest, err := format.ParseRecord(body, format.RecordSeed(storeID))
	if err != nil {
		t.Fatal(err)
	}
	r.Hash[0]++
	e := format.EncodeTail(&r.Tail)
	forged := append(format.AppendRecord(nil, format.RecordSeed(storeID), &r.Head, &e), rest...)
	out := format.AppendGroup(slices.Clone(b[:at.Offset]), g, at, forged)
	p.disk.SetBytes(name, append(out, b[len(out):]...))
	files := contents(p.disk)
	done, err := p.run(p.disk)
	if damage, ok := errors.AsType[*segment.DamageError](err); done || !ok || damage.Segment != 2 {
		t.Errorf("merge of a forged segment = %v, want a damage of segment 2", err)
	}
	if d := cmp.Diff(files, contents(p.disk)); d != "" {
		t.Errorf("files were touched:\n%s", d)
	}
}
