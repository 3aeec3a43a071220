package batpak_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// forgery is a store whose files were read in order to be written again with
// other content, and with every checksum and every digest of a segment as it
// must be. What is left to tell is the hashes of the events.
type forgery struct {
	names    []string
	segments []forgedSegment
}

type forgedSegment struct {
	header format.SegmentHeader
	groups []forgedGroup
	footer []byte // as it was
}

type forgedGroup struct {
	header  format.GroupHeader
	records []format.Record
}

// parseForgery reads the segments of a disk.
func parseForgery(t *testing.T, d *simfs.Disk) *forgery {
	t.Helper()
	f := &forgery{names: directoryOf(d).segments()}
	for _, name := range f.names {
		b := d.Bytes(name)
		h, err := format.ParseSegmentHeader(b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s := forgedSegment{header: h}
		if end := sealedAt(directoryOf(d), name); end > 0 {
			s.footer, b = b[end:], b[:end]
		}
		at := format.Place{Store: h.Store, Segment: h.Segment, Offset: format.SegmentHeaderSize}
		for rest := b[at.Offset:]; len(bytes.Trim(rest, "\x00")) > 0; rest = b[at.Offset:] {
			g, err := format.ParseGroupHeader(rest, at)
			if err != nil {
				t.Fatalf("%s at %d: %v", name, at.Offset, err)
			}
			size := format.GroupHeaderSize + int(g.BodyLength)
			s.groups = append(s.groups, forgedGroup{g, parseRecords(t, rest[format.GroupHeaderSize:size], h.Store)})
			at.Offset += int64(size)
		}
		f.segments = append(f.segments, s)
	}
	return f
}

func parseRecords(t *testing.T, body []byte, store [16]byte) (all []format.Record) {
	t.Helper()
	for len(body) > 0 {
		r, rest, err := format.ParseRecord(body, format.RecordSeed(store))
		if err != nil {
			t.Fatal(err)
		}
		all, body = append(all, r), rest
	}
	return all
}

// records lists all records of the forgery, to be modified.
func (f *forgery) records() (all []*format.Record) {
	for i := range f.segments {
		for j := range f.segments[i].groups {
			g := &f.segments[i].groups[j]
			for k := range g.records {
				all = append(all, &g.records[k])
			}
		}
	}
	return all
}

// put writes the forgery to a disk.
func (f *forgery) put(d *simfs.Disk) {
	var before []byte
	for i, s := range f.segments {
		if i > 0 {
			digest := chain.NewSegment()
			digest.Write(before)
			s.header.PrevLength, s.header.PrevDigest = uint64(len(before)), digest.Sum()
		}
		b := format.AppendSegmentHeader(nil, s.header)
		for _, g := range s.groups {
			var body []byte
			for _, r := range g.records {
				e := format.EncodeTail(&r.Tail)
				body = format.AppendRecord(body, format.RecordSeed(s.header.Store), &r.Head, &e)
			}
			g.header.Durable = min(g.header.Durable, uint32(len(b)))
			b = format.AppendGroup(b, g.header, format.Place{Store: s.header.Store, Segment: s.header.Segment, Offset: int64(len(b))}, body)
		}
		d.SetBytes(f.names[i], slices.Concat(b, s.footer))
		before = b
	}
}

// tampering changes the record at index i, and perhaps others, and returns the
// streams that it touches. It returns none if it cannot be done to that record.
type tampering func(all []*format.Record, i int) []string

// field changes one record.
func field(change func(r *format.Record)) tampering {
	return func(all []*format.Record, i int) []string {
		stream := string(all[i].Entity)
		change(all[i])
		return []string{stream}
	}
}

// exchange swaps the tails of two records, of the same stream or of different
// ones, and leaves their places, versions, ids and hashes.
func exchange(sameStream bool) tampering {
	return func(all []*format.Record, i int) []string {
		for _, r := range all[i+1:] {
			if bytes.Equal(r.Entity, all[i].Entity) == sameStream && r.Length == all[i].Length {
				streams := []string{string(r.Entity), string(all[i].Entity)}
				r.Tail, all[i].Tail = all[i].Tail, r.Tail
				return streams
			}
		}
		return nil
	}
}

// reorder swaps two whole events of different streams; only the sequences stay.
func reorder(all []*format.Record, i int) []string {
	a := all[i]
	for _, b := range all[i+1:] {
		if bytes.Equal(a.Entity, b.Entity) && a.Length == b.Length {
			*a, *b = *b, *a
			a.Sequence, b.Sequence = b.Sequence, a.Sequence
			a.Version, b.Version = b.Version, a.Version
			a.ID, b.ID = b.ID, a.ID
			return []string{string(a.Entity)}
		}
	}
	return nil
}

// relink changes a payload and gives the event the hash that it would have, so
// that only the next event of the stream can tell.
func relink(all []*format.Record, i int) []string {
	r, prev := all[i], [32]byte{}
	successor := false
	for j, o := range all {
		if !bytes.Equal(o.Entity, r.Entity) {
			continue
		}
		if j < i {
			prev = o.Hash
		}
		successor = successor || j > i
	}
	if !successor {
		return nil
	}
	r.Payload = flipped(r.Payload)
	var l chain.Linker
	e := format.EncodeTail(&r.Tail)
	r.Hash = l.Link(prev, &r.Head, r.Kind, r.Flags(), e.Linked(), chain.Digest(r.Payload))
	return []string{string(r.Entity)}
}

func tamperings() map[string]tampering {
	return map[string]tampering{
		"payload":         field(func(r *format.Record) { r.Payload = flipped(r.Payload) }),
		"kind":            field(func(r *format.Record) { r.Kind ^= 1 }),
		"payload version": field(func(r *format.Record) { r.PayloadVersion ^= 2 }),
		"scope":           field(func(r *format.Record) { r.Scope = flipped(r.Scope) }),
		"time":            field(func(r *format.Record) { r.ID[5] ^= 1 }),
		"id":              field(func(r *format.Record) { r.ID[15] ^= 1 }),
		"hash":            field(func(r *format.Record) { r.Hash[31] ^= 1 }),
		"version":         field(func(r *format.Record) { r.Version += 2 }),
		"sequence":        field(func(r *format.Record) { r.Sequence++ }),
		"key": func(all []*format.Record, i int) []string {
			if len(all[i].Key) == 0 {
				return nil
			}
			return field(func(r *format.Record) { r.Key = flipped(r.Key) })(all, i)
		},
		"causation": func(all []*format.Record, i int) []string {
			if all[i].Causation == [16]byte{} {
				return nil
			}
			return field(func(r *format.Record) { r.Causation[15] ^= 1 })(all, i)
		},
		"correlation": func(all []*format.Record, i int) []string {
			if all[i].Correlation == [16]byte{} {
				return nil
			}
			return field(func(r *format.Record) { r.Correlation[0] ^= 3 })(all, i)
		},
		"verdict": func(all []*format.Record, i int) []string {
			if len(all[i].Extensions) == 0 {
				return nil
			}
			return field(func(r *format.Record) {
				r.Extensions = bytes.Replace(r.Extensions, []byte("open"), []byte("shut"), 1)
			})(all, i)
		},
		"stream": func(all []*format.Record, i int) []string {
			was := string(all[i].Entity)
			all[i].Entity = []byte("a:1")
			if was == "a:1" {
				all[i].Entity = []byte("a:2")
			}
			return []string{was, string(all[i].Entity)}
		},
		"exchange":         exchange(true),
		"exchange streams": exchange(false),
		"reorder":          reorder,
		"relink":           relink,
	}
}

// flipped returns a copy of b with another last byte, still printable.
func flipped(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)-1] ^= 1
	return b
}

// tamperedStore returns an open store of several segments, with groups of one
// and of several events, all of whose events could be exchanged for each other.
func tamperedStore(t *testing.T) (*simfs.Disk, *batpak.Store) {
	t.Helper()
	d := simfs.New()
	s := openSim(t, d, &batpak.Options{SegmentSize: 1024})
	var last batpak.ID
	for i := range 5 {
		b := s.NewBatch()
		for j := range 3 {
			b.Add(note(fmt.Sprintf("a:%d", j), fmt.Sprintf("payload %d.%d", i, j)), batpak.Key(fmt.Sprintf("key %d.%d", i, j)))
		}
		if _, err := b.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		r := mustAppend(t, s, note(fmt.Sprintf("a:%d", i%3), fmt.Sprintf("payload %d.x", i)),
			batpak.CausedBy(last), batpak.Correlate(batpak.ID{1}))
		last = r.ID()
		if _, err := batpak.Decide(t.Context(), s, note("purse:1", "spent"), propose(s, spendGates[:1])); err != nil {
			t.Fatal(err)
		}
	}
	return d, s
}

func TestForgeryWithoutTamperingIsTheStore(t *testing.T) {
	d, s := tamperedStore(t)
	s.Close()
	again := simfs.New()
	parseForgery(t, d).put(again)
	for _, name := range d.Names() {
		if !bytes.Equal(d.Bytes(name), again.Bytes(name)) {
			t.Errorf("%s changed by reading and writing it", name)
		}
	}
	if n := len(d.Names()); n < 3 {
		t.Errorf("the store has %d segments, want several", n)
	}
}

// LAW07 of package props: whatever somebody changes in the files of a store, with
// all checksums and all digests of segments made to fit, Verify names the stream.
func TestVerifyNamesTheStreamThatWasTamperedWith(t *testing.T) {
	t.Parallel()
	for name, tamper := range tamperings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done := 0
			d, s := tamperedStore(t)
			sound := parseForgery(t, d)
			for i := range sound.records() {
				f := parseForgery(t, d)
				streams := tamper(f.records(), i)
				if len(streams) == 0 {
					continue
				}
				done++
				f.put(d)
				wantNamed(t, s, i, streams)
				wantBrokenAncestors(t, s, streams)
				sound.put(d)
			}
			if done == 0 {
				t.Fatal("no event could be tampered with")
			}
			if v, err := s.Verify(t.Context()); err != nil || len(v.Damages) > 0 {
				t.Errorf("Verify() of the restored store = %+v, %v, want no damage", v, err)
			}
		})
	}
}

// LAW07, of a store that is not open, on the simulated and on the real disk: it is refused when it is opened, or
// Verify names the stream.
func TestTamperedStoreIsRefusedOrNamed(t *testing.T) {
	t.Parallel()
	for name, tamper := range tamperings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, s := tamperedStore(t)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			sound := parseForgery(t, d)
			for i := range sound.records() {
				f := parseForgery(t, d)
				streams := tamper(f.records(), i)
				if len(streams) == 0 {
					continue
				}
				image := d.CutHard()
				f.put(image)
				dir := onRealDisk(t, image)
				for _, open := range []func() (*batpak.Store, error){
					func() (*batpak.Store, error) { return batpak.Open("simulated", simOptions(image, nil)) },
					func() (*batpak.Store, error) { return openDir(dir, nil) },
				} {
					s, err := open()
					if errors.Is(err, batpak.ErrCorrupt) {
						continue
					}
					if err != nil {
						t.Fatalf("record %d: Open() = %v, want ErrCorrupt or a store", i, err)
					}
					wantNamed(t, s, i, streams)
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}

// onRealDisk copies a disk to a directory.
func onRealDisk(t *testing.T, d *simfs.Disk) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range d.Names() {
		if err := os.WriteFile(filepath.Join(dir, name), d.Bytes(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// wantNamed wants Verify to find damage in one of the streams.
func wantNamed(t *testing.T, s *batpak.Store, i int, streams []string) {
	t.Helper()
	v, err := s.Verify(t.Context())
	if err != nil {
		t.Fatalf("record %d: Verify() = %v", i, err)
	}
	if !slices.ContainsFunc(v.Damages, func(d batpak.Damage) bool { return slices.Contains(streams, d.Entity) }) {
		t.Fatalf("record %d: Verify() = %+v, want damage in one of the streams %q", i, v, streams)
	}
}

// wantBrokenAncestors wants the walk back from the end of one of the streams to
// meet the damage.
func wantBrokenAncestors(t *testing.T, s *batpak.Store, streams []string) {
	t.Helper()
	for _, stream := range streams {
		var last batpak.ID
		for e, err := range s.Events(batpak.Query{Entity: stream}) {
			if errors.Is(err, batpak.ErrCorrupt) {
				return
			}
			last = e.ID
		}
		for _, err := range s.Ancestors(last) {
			if err != nil {
				return
			}
		}
	}
	t.Fatalf("no walk back through the streams %q meets the damage", streams)
}
