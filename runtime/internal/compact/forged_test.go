package compact_test

import (
	"errors"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/internal/compact"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// forged writes a log of four segments, whose checksums and digests hold whatever spoil
// does before the second group of the second one.
func forged(t *testing.T, spoil func(b *builder)) *simfs.Disk {
	t.Helper()
	b := newBuilder(4)
	for n := range 4 {
		b.body = format.AppendSegmentHeader(nil, b.header)
		b.group(2)
		if n == 1 && spoil != nil {
			spoil(b)
		}
		b.group(2)
		b.end(t)
	}
	return b.disk
}

// wantDamage wants a merge to be refused because of a segment, with nothing touched.
func wantDamage(t *testing.T, disk *simfs.Disk, err error, files map[string]string, want segment.DamageError) {
	t.Helper()
	got, ok := errors.AsType[*segment.DamageError](err)
	if !ok || got.Segment != want.Segment || got.Offset != want.Offset || got.FirstSequence != want.FirstSequence {
		t.Errorf("merge = %v (%+v), want damage of %+v", err, got, want)
	}
	if d := cmp.Diff(files, contents(disk)); d != "" {
		t.Errorf("files were touched:\n%s", d)
	}
}

// TestForgedRecords: a group whose checksums hold is merged only if its records are those
// that can stand there.
func TestForgedRecords(t *testing.T) {
	second := int64(0)
	for what, spoil := range map[string]func(b *builder){
		"sequence left out": func(b *builder) { b.next++ },
		"sequence again":    func(b *builder) { b.next-- },
		"no records": func(b *builder) {
			h := format.GroupHeader{Type: format.GroupEvents, FirstSequence: b.next, Count: 1, Incarnation: b.opening}
			b.body = format.AppendGroup(b.body, h, b.place(), slices.Repeat([]byte{7}, 200))
		},
	} {
		t.Run(what, func(t *testing.T) {
			disk := forged(t, func(b *builder) {
				second = b.place().Offset + format.GroupHeaderSize
				spoil(b)
			})
			files := contents(disk)
			_, err := merge(disk.FS(), spans(disk), 0, 3, keepAll)
			wantDamage(t, disk, err, files, segment.DamageError{Segment: 2, Offset: second, FirstSequence: 7})

			reader := segment.NewReader(disk.FS())
			defer reader.Close()
			takes, err := compact.Takes(reader, spans(disk)[1], keepAll, noStep)
			if want := what == "no records"; takes != want || err != nil {
				t.Errorf("Takes() = %v, %v, want %v", takes, err, want)
			}
		})
	}
}

// TestForgedNeighbours: nor is a segment merged where another one stands, be it that
// which the next names, or if the next begins elsewhere, or is that of another store.
func TestForgedNeighbours(t *testing.T) {
	sound := forged(t, nil)
	end := int64(len(sound.Bytes(segment.Name(2))))
	next := func(change func(h *format.SegmentHeader)) func(*simfs.Disk) {
		return func(disk *simfs.Disk) {
			b := disk.Bytes(segment.Name(3))
			h, err := format.ParseSegmentHeader(b)
			if err != nil {
				t.Fatal(err)
			}
			change(&h)
			disk.SetBytes(segment.Name(3), append(format.AppendSegmentHeader(nil, h), b[format.SegmentHeaderSize:]...))
		}
	}
	for what, c := range map[string]struct {
		spoil func(*simfs.Disk)
		want  segment.DamageError
	}{
		"file of another segment": {
			func(disk *simfs.Disk) { disk.SetBytes(segment.Name(3), disk.Bytes(segment.Name(4))) },
			segment.DamageError{Segment: 3},
		},
		"gap":           {next(func(h *format.SegmentHeader) { h.FirstSequence++ }), segment.DamageError{Segment: 2, Offset: end, FirstSequence: 5}},
		"overlap":       {next(func(h *format.SegmentHeader) { h.FirstSequence-- }), segment.DamageError{Segment: 2, Offset: end, FirstSequence: 5}},
		"another store": {next(func(h *format.SegmentHeader) { h.Store[0]++ }), segment.DamageError{Segment: 2, Offset: end, FirstSequence: 5}},
		"longer":        {next(func(h *format.SegmentHeader) { h.PrevLength++ }), segment.DamageError{Segment: 2, FirstSequence: 5}},
		"other digest":  {next(func(h *format.SegmentHeader) { h.PrevDigest[0]++ }), segment.DamageError{Segment: 2, FirstSequence: 5}},
	} {
		t.Run(what, func(t *testing.T) {
			disk := sound.Kill()
			c.spoil(disk)
			files := contents(disk)
			_, err := merge(disk.FS(), spans(disk), 1, 2, keepAll)
			wantDamage(t, disk, err, files, c.want)
		})
	}
}

// TestSourcesThatChange: a source is refused that is another when it is read than when
// the one before was held against it, and files that are no row.
func TestSourcesThatChange(t *testing.T) {
	disk := forged(t, nil)
	other := slices.Clone(disk.Bytes(segment.Name(2)))
	h, err := format.ParseSegmentHeader(other)
	if err != nil {
		t.Fatal(err)
	}
	h.PrevDigest[0]++
	copy(other, format.AppendSegmentHeader(nil, h))
	files := contents(disk)
	files[segment.Name(2)] = string(other)
	reads := 0
	disk.OnOp(func(op faultfs.Op, name string) {
		if op == faultfs.OpRead && name == segment.Name(2) {
			if reads++; reads == 2 {
				disk.SetBytes(name, other)
			}
		}
	})
	_, err = merge(disk.FS(), spans(disk), 0, 3, keepAll)
	wantDamage(t, disk, err, files, segment.DamageError{Segment: 2, FirstSequence: 5})

	disk = forged(t, nil)
	files = contents(disk)
	reader := segment.NewReader(disk.FS())
	defer reader.Close()
	log := spans(disk)
	_, err = compact.Stage(disk.FS(), reader, []segment.Span{log[0], log[2]}, keepAll, noStep)
	if _, damaged := errors.AsType[*segment.DamageError](err); err == nil || damaged {
		t.Errorf("merge of segments 1 and 3 = %v, want an error that is no damage", err)
	}
	_, err = compact.Stage(disk.FS(), reader, []segment.Span{{First: 1, Last: 2, Round: 1}}, keepAll, noStep)
	wantDamage(t, disk, err, files, segment.DamageError{Segment: 1, FirstSequence: 1})
}

// TestMergeOfNothing: segments in which the store was only closed are merged into one
// without events, and the log goes on behind it as before.
func TestMergeOfNothing(t *testing.T) {
	b := newBuilder(1)
	for n := range 3 {
		b.body = format.AppendSegmentHeader(nil, b.header)
		if n == 2 {
			b.group(3)
		}
		b.close()
		b.end(t)
	}
	want, err := readLog(b.dir, spans(b.disk))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := merge(b.dir, spans(b.disk), 0, 2, decide); err != nil {
		t.Fatal(err)
	}
	log := spans(b.disk)
	got, err := readLog(b.dir, log)
	if d := cmp.Diff(want, got); err != nil || d != "" || len(log) != 2 || log[0].Last != 2 {
		t.Errorf("files %v, %v, events:\n%s", log, err, d)
	}
}

// TestTakesFails: whether a merge would take anything away is not known where the disk
// fails, the segment is damaged, or who asks ends it.
func TestTakesFails(t *testing.T) {
	disk := forged(t, nil)
	takes := func(disk *simfs.Disk, decide func(*format.Record) (compact.Verdict, error), step func(int) error) (bool, error) {
		reader := segment.NewReader(disk.FS())
		defer reader.Close()
		return compact.Takes(reader, segment.Span{First: 2, Last: 2}, decide, step)
	}
	for _, op := range []faultfs.Op{faultfs.OpOpen, faultfs.OpRead} {
		n := 1
		for ; ; n++ {
			disk.Fail(faultfs.Fault{Op: op, N: n})
			got, err := takes(disk, keepAll, noStep)
			disk.Heal()
			if got || err != nil && !errors.Is(err, syscall.EIO) {
				t.Errorf("%s %d fails: Takes() = %v, %v, want EIO", op, n, got, err)
			}
			if err == nil {
				break
			}
		}
		if n < 3 {
			t.Errorf("%d of %s failed, want both segments'", n-1, op)
		}
	}
	ended := errors.New("ended")
	if got, err := takes(disk, keepAll, func(int) error { return ended }); got || !errors.Is(err, ended) {
		t.Errorf("Takes() that is ended = %v, %v", got, err)
	}
	refuses := func(*format.Record) (compact.Verdict, error) { return compact.Drop, ended }
	if got, err := takes(disk, refuses, noStep); got || !errors.Is(err, ended) {
		t.Errorf("Takes() that is not decided = %v, %v", got, err)
	}
	b := slices.Clone(disk.Bytes(segment.Name(2)))
	b[len(b)-1] ^= 1
	disk.SetBytes(segment.Name(2), b)
	if got, err := takes(disk, keepAll, noStep); got || err == nil {
		t.Errorf("Takes() of a damaged segment = %v, %v, want damage", got, err)
	}
}

// TestKthFaultInSettling: an opening that fails to settle what no merge leaves, an output
// that is spoilt, or one without its note, may be tried again. A merge whose sources are all
// there may come undone by that.
func TestKthFaultInSettling(t *testing.T) {
	h := cut(t, 0)
	output := segment.Span{First: h.files[h.from].First, Last: h.files[h.to-1].Last, Round: 1}.Name()
	spoilt, bare := h.named.Kill(), h.named.Kill()
	b := slices.Clone(spoilt.Bytes(output))
	b[300]++
	spoilt.SetBytes(output, b)
	bare.Delete(compact.Note)
	for half, want := range map[*simfs.Disk][]event{spoilt: h.before, bare: h.after} {
		for _, op := range []faultfs.Op{faultfs.OpOpen, faultfs.OpRead, faultfs.OpRename, faultfs.OpRemove, faultfs.OpSyncDir, faultfs.OpList} {
			for n, fired := 1, true; fired; n++ {
				image := half.Kill()
				come := arm(image, faultfs.Fault{Op: op, N: n})
				_, _, err := settle(image.FS())
				image.Heal()
				image.OnOp(nil)
				if fired = come(); fired != errors.Is(err, syscall.EIO) {
					t.Fatalf("%s %d fails: %v; opening = %v", op, n, fired, err)
				}
				if got, _ := settled(t, image.Cut(uint64(n))); !slices.Equal(got, want) && !slices.Equal(got, h.before) {
					t.Fatalf("%s %d failed, events:\n%s", op, n, cmp.Diff(want, got))
				}
			}
		}
	}
}
