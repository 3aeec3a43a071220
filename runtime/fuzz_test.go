package batpak_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"reflect"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/compact"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// bounded fails the test if do allocates more than 16 MiB and twice the size of what
// it is given. It counts what is large enough to matter. It does not bound how long do
// takes, by a clock that would tell of the machine, nor by what is read, of which the
// disk counts the calls but not the bytes: who goes on for ever is found by the limit
// of the test or of the search.
func bounded(t *testing.T, size int, do func()) {
	t.Helper()
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	before := s[0].Value.Uint64()
	do()
	metrics.Read(s)
	if grown, limit := s[0].Value.Uint64()-before, uint64(16<<20+2*size); grown > limit {
		t.Errorf("%d bytes of input make it allocate %d bytes, want at most %d", size, grown, limit)
	}
}

// FuzzParseID: what is accepted as an id is written as it was, but for the case of
// its letters.
func FuzzParseID(f *testing.F) {
	for _, s := range []string{"", "019cadc6-9a82-70e1-b250-9f72a7d66447", "019CADC6-9A82-70E1-B250-9F72A7D66447", "019cadc6_9a82_70e1_b250_9f72a7d66447", strings.Repeat("-", 36)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := batpak.ParseID(s)
		if err == nil && id.String() != strings.ToLower(s) {
			t.Errorf("ParseID(%q) = %v", s, id)
		}
		if err != nil && !id.IsZero() {
			t.Errorf("ParseID(%q) = %v and %v", s, id, err)
		}
	})
}

// FuzzExtensions: the extensions of a record are read or refused, and what was read
// is written in a form that is read as the same.
func FuzzExtensions(f *testing.F) {
	f.Add([]byte{})
	f.Add((&batpak.Decision{Command: "withdraw", Version: 300, Verdicts: []batpak.Verdict{{Gate: "a"}, {Gate: "b", Code: "NO"}}}).AppendExtension(nil))
	f.Add((&batpak.Decision{}).AppendExtension(nil))
	f.Add([]byte("\x80"))
	f.Add([]byte("\x81\xa5other\x91\xc0"))
	f.Add([]byte("\x81\xa8decision\x83\xa7command\xa0\xa7version\x00\xa8verdicts\xdd\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, src []byte) {
		var d *batpak.Decision
		var err error
		bounded(t, len(src), func() { d, err = batpak.ParseExtensions(src) })
		if err != nil || d == nil {
			return
		}
		written := d.AppendExtension(nil)
		again, err := batpak.ParseExtensions(written)
		if err != nil || !reflect.DeepEqual(again, d) || len(written) > len(src) {
			t.Errorf("ParseExtensions(%x) = %+v, which is written as %x and read as %+v, %v", src, d, written, again, err)
		}
	})
}

// FuzzDecodeDenial: the record of a denial is decoded, or refused with a
// DecodeError.
func FuzzDecodeDenial(f *testing.F) {
	const verdicts = "\xa8verdicts\x91\x82\xa4gate\xa1g\xa4code\xa2NO"
	f.Add([]byte("\x84\xa7command\xa1c\xa4code\xa2NO\xa7message\xa1m" + verdicts))
	f.Add([]byte("\x84\xa7command\xa0\xa4code\xa0\xa7message\xa0\xa8verdicts\x90"))
	f.Add([]byte("\x84\xa7command\xa1c\xa4code\xa2NO\xa7message\xdb\xff\xff\xff\xff"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, payload []byte) {
		e := batpak.Event{Meta: batpak.Meta{Kind: batpak.KindDenial, PayloadVersion: 1, Sequence: 7}, Payload: payload}
		bounded(t, len(payload), func() {
			d, err := batpak.DecodeDenial(e)
			if bad, ok := errors.AsType[*batpak.DecodeError](err); err != nil && (!ok || bad.Sequence != 7) {
				t.Errorf("DecodeDenial(%x) = %v, want a DecodeError", payload, err)
			}
			if n := len(d.Payload.Verdicts); err == nil && n > 0 && d.Payload.Gate != d.Payload.Verdicts[n-1].Gate {
				t.Errorf("DecodeDenial(%x) = %+v, want the gate of the last verdict", payload, d.Payload)
			}
		})
	})
}

// FuzzOpen: a directory whose files hold anything, under any names, is opened or
// refused with a typed error and left as it was, within bounds of memory. What is
// opened can be read, verified and appended to, and is there again the next time. In
// each way to read it alone it is opened or refused, too, and left as it was.
// Each input is tried as it is, and with its checksums and digests made right.
func FuzzOpen(f *testing.F) {
	a := newAuthor(nil, 1, 600, 40)
	fuzzSeeds(f, a)
	f.Fuzz(func(t *testing.T, a, b, c []byte, name string, extra []byte) {
		d := directory{}
		for i, content := range [][]byte{a, b, c} {
			if len(content) > 0 {
				d[segment.Name(uint64(i+1))] = content
			}
		}
		if name != "" && !strings.Contains(name, "/") { // with which it lies in another directory
			d[name] = extra
		}
		openHostile(t, d)
		openHostile(t, d.mended())
	})
}

// fuzzSeeds adds directories of sound stores.
func fuzzSeeds(f *testing.F, a *author) {
	for life := range 3 {
		s, err := batpak.Open("simulated", simOptions(a.disk, &a.options))
		if err != nil {
			f.Fatal(err)
		}
		for i := range 4 {
			b := s.NewBatch()
			for j := range i%2 + 1 {
				b.Add(a.draft(), batpak.Key(fmt.Sprint("k", life, i, j)))
			}
			if _, err := b.Commit(f.Context()); err != nil {
				f.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			f.Fatal(err)
		}
		d := directoryOf(a.disk)
		add := func(name string, extra []byte) {
			f.Add(d[segment.Name(1)], d[segment.Name(2)], d[segment.Name(3)], name, extra)
		}
		add("", nil)
		add("lost-0000000000000001-00000060", []byte("torn"))
		add(segment.Name(2)+".tmp", d[segment.Name(2)])
		add(segment.Name(4), d[segment.Name(3)])
	}
	f.Add([]byte{}, []byte{}, []byte{}, "", []byte{})
	f.Add(make([]byte, 96), []byte{}, []byte{}, "notes", []byte("x"))
	mergedSeeds(f, a)
}

// mergedSeeds adds what a merge stages: its note, and its output, beside the sources and
// alone.
func mergedSeeds(f *testing.F, a *author) {
	var d directory
	output := ""
	a.disk.OnOp(func(op faultfs.Op, name string) {
		if _, merged := segment.ParseSpan(strings.TrimSuffix(name, ".tmp")); op == faultfs.OpRename && merged && output == "" {
			d, output = directoryOf(a.disk), name
		}
	})
	s, err := batpak.Open("simulated", simOptions(a.disk, &a.options))
	if err == nil {
		_, err = s.Compact(f.Context())
		err = errors.Join(err, s.Close())
	}
	if a.disk.OnOp(nil); err != nil || d[output] == nil || d[compact.Note] == nil {
		f.Fatalf("merge: %v, of %q", err, d.names())
	}
	d[strings.TrimSuffix(output, ".tmp")] = d[output]
	for _, name := range []string{compact.Note, output, strings.TrimSuffix(output, ".tmp")} {
		f.Add(d[segment.Name(1)], d[segment.Name(2)], d[segment.Name(3)], name, d[name])
		f.Add([]byte{}, []byte{}, []byte{}, name, d[name])
	}
}

// openHostile holds one directory against the law of FuzzOpen.
func openHostile(t *testing.T, d directory) {
	t.Helper()
	for _, o := range []batpak.Options{{}, {ShowUnsynced: true}, {Salvage: true}} {
		openForReading(t, d, &o)
	}
	size := d.bits() / 8
	disk := d.disk()
	var s *batpak.Store
	var err error
	bounded(t, size, func() { s, err = batpak.Open("simulated", simOptions(disk, nil)) })
	if err != nil {
		if !errors.Is(err, batpak.ErrCorrupt) && !errors.Is(err, batpak.ErrNewerFormat) {
			t.Fatalf("Open() = %v, want ErrCorrupt or ErrNewerFormat", err)
		}
		if after := directoryOf(disk); !maps.EqualFunc(d, after, bytes.Equal) {
			t.Fatalf("Open() = %v, and has changed the directory", err)
		}
		return
	}
	var first []string
	bounded(t, size, func() { first = readHostile(t, s) })
	r, err := s.Append(t.Context(), note("a:1", "appended"), batpak.Key("appended"))
	appended := err == nil
	if !appended && !errors.Is(err, batpak.ErrTooLarge) && !errors.Is(err, batpak.ErrCorrupt) && !errors.Is(err, batpak.ErrKeyReused) {
		t.Fatalf("Append() = %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = batpak.Open("simulated", simOptions(disk, nil))
	if err != nil {
		t.Fatalf("Open() after an append = %v", err)
	}
	second := readHostile(t, s)
	if n := len(second) - len(first); n < 0 || n > 1 || !slices.Equal(first, second[:len(first)]) {
		t.Errorf("the store reads as\n%q\nand when it is opened again as\n%q", first, second)
	}
	if e, err := s.Get(r.ID()); appended && (err != nil || e.Hash != r.Hash()) {
		t.Errorf("Get(%v) = %+v, %v, want the event that was appended", r.ID(), e, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// openForReading opens a hostile directory for reading alone and reads whatever it shows.
// Behind a gap, a forged group may have any sequence: so it is asked for those that it has.
func openForReading(t *testing.T, d directory, o *batpak.Options) {
	t.Helper()
	check := func(what string, err error) {
		if err != nil && !errors.Is(err, batpak.ErrCorrupt) && !errors.Is(err, batpak.ErrNewerFormat) {
			t.Errorf("%s for reading with %+v = %v", what, *o, err)
		}
	}
	disk := d.disk()
	bounded(t, d.bits()/8, func() {
		s, err := openReader(disk, o)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				check("OpenReadOnly()", err)
			}
			return
		}
		_, err = s.Verify(t.Context())
		check("Verify()", err)
		check("Refresh()", s.Refresh(t.Context()))
		for e, err := range s.Events(batpak.Query{}) {
			if e, err = husk(e, err); err != nil {
				check("Events()", err)
				continue
			}
			at, err := husk(s.At(e.Sequence))
			if check("At()", err); err == nil && !same(&at, &e) {
				t.Errorf("At(%d) = %+v, want %+v", e.Sequence, at, e)
			}
			_, err = husk(s.Get(e.ID)) // several events of a forged log may have it
			check("Get()", err)
		}
		check("Close()", s.Close())
	})
	if after := directoryOf(disk); !maps.EqualFunc(d, after, bytes.Equal) {
		t.Errorf("reading with %+v has changed the directory", *o)
	}
}

// readHostile reads everything in every way, and describes what each event reads
// as. Reads fail with ErrCorrupt or ErrNewerFormat if they do.
func readHostile(t *testing.T, s *batpak.Store) (all []string) {
	t.Helper()
	check := func(what string, err error) {
		if err != nil && !errors.Is(err, batpak.ErrCorrupt) && !errors.Is(err, batpak.ErrNewerFormat) && !errors.Is(err, batpak.ErrNotFound) {
			t.Errorf("%s = %v", what, err)
		}
	}
	v, err := s.Verify(t.Context())
	check("Verify()", err)
	for n := uint64(1); n <= s.Frontier().Visible; n++ {
		e, err := s.At(n)
		check("At()", err)
		all = append(all, fmt.Sprint(e, err))
		if err != nil {
			if len(v.Damages) == 0 {
				t.Errorf("At(%d) = %v, but Verify() finds no damage", n, err)
			}
			continue
		}
		if e.Sequence != n || e.Time.Before(time.Unix(0, 0)) {
			t.Errorf("At(%d) = %+v", n, e.Meta)
		}
		if again, err := s.Get(e.ID); err != nil || !same(&again, &e) {
			t.Errorf("Get(%v) = %+v, %v, want %+v", e.ID, again, err, e)
		}
		if e.Key != "" {
			_, err := s.ByKey(e.Key) // several events of a forged log may have it
			check("ByKey()", err)
		}
		h, err := s.Head(e.Entity)
		if check("Head()", err); err == nil && h < e.Version {
			t.Errorf("Head(%q) = %d, there is version %d", e.Entity, h, e.Version)
		}
		if n%8 == 1 {
			for _, err := range s.Ancestors(e.ID) {
				check("Ancestors()", err)
			}
			for _, err := range s.Effects(e.ID) {
				check("Effects()", err)
			}
			for _, err := range s.Events(batpak.Query{Prefix: e.Entity, Scope: e.Scope, Kinds: []batpak.Kind{e.Kind}}) {
				check("Events()", err)
			}
			if _, err := batpak.DecodeDenial(e); err == nil && e.Kind != batpak.KindDenial {
				t.Errorf("DecodeDenial() of kind %v = nil", e.Kind)
			}
		}
	}
	return all
}

// mended returns the directory with the checksums and digests of its segments made
// right, as far as they have any, so that a search gets behind them. The checksums
// are computed from the words of FORMAT.md.
func (d directory) mended() directory {
	var before []byte
	for i := uint64(1); ; i++ {
		name := segment.Name(i)
		content := d[name]
		if len(content) < format.SegmentHeaderSize {
			return d
		}
		b := bytes.Clone(content)
		mendSegment(b, i, before)
		d, before = d.with(name, b), b
	}
}

func mendSegment(b []byte, number uint64, before []byte) {
	le, sum := binary.LittleEndian, func(seed uint32, b []byte) uint32 {
		return crc32.Update(seed, crc32.MakeTable(crc32.Castagnoli), b)
	}
	le.PutUint64(b[32:], number)
	if number > 1 {
		copy(b[16:32], before[16:32])
		digest := chain.NewSegment()
		digest.Write(before)
		prev := digest.Sum()
		le.PutUint64(b[48:], uint64(len(before)))
		copy(b[56:], prev[:])
	}
	le.PutUint32(b[92:], sum(0, b[:92]))
	store := b[16:32]
	for at := format.SegmentHeaderSize; len(b)-at >= format.GroupHeaderSize && le.Uint32(b[at:]) == 0x9DB7A7C3; {
		g := b[at:]
		body := g[format.GroupHeaderSize:]
		body = body[:min(uint64(len(body)), uint64(le.Uint32(g[20:])))]
		for rest := body; len(rest) >= 65; {
			n := le.Uint32(rest[4:])
			if n < 65 || uint64(n) > uint64(len(rest)) {
				n = uint32(len(rest))
				le.PutUint32(rest[4:], n)
			}
			le.PutUint32(rest, sum(sum(0, store), rest[4:n]))
			rest = rest[n:]
		}
		le.PutUint32(g[20:], uint32(len(body)))
		le.PutUint32(g[32:], sum(0, body))
		place := binary.LittleEndian.AppendUint64(bytes.Clone(store), number)
		place = binary.LittleEndian.AppendUint64(place, uint64(at))
		le.PutUint32(g[36:], sum(sum(0, place), g[:36]))
		at += format.GroupHeaderSize + len(body)
	}
}

// FuzzForgedEvent: an event whose every field is hostile, in a group whose checksums
// and hashes are right, is refused or can be read.
func FuzzForgedEvent(f *testing.F) {
	f.Add("a:1", "scope", "key", []byte{}, []byte("payload"), uint16(0x1001), uint16(1), uint64(1), []byte{}, false)
	f.Add("", "", "", []byte{0x80}, []byte{}, uint16(1), uint16(65535), uint64(1), []byte{1}, true)
	f.Add("a:1", "s", "", []byte{0xC1}, []byte{}, uint16(0x1001), uint16(1), uint64(2), []byte{}, false)
	f.Add("a:2", "s", "", []byte("\x81\xa8decision\xc0"), []byte{}, uint16(0x1001), uint16(1), uint64(1), []byte{}, false)
	f.Add("a:2", "s", "", []byte{}, []byte{}, uint16(0x1001), uint16(1), uint64(1), []byte("\xff\xff\x7f\xff\xff\xff\x7f\xff"), false) // the last id
	f.Add("\xff/..", "\x00", "\xff", []byte("\x81\xa5other\xc0"), []byte("\x84"), uint16(0xD001), uint16(0), uint64(1<<63), bytes.Repeat([]byte{7}, 16), false)
	f.Fuzz(func(t *testing.T, entity, scope, key string, extensions, payload []byte, kind, payloadVersion uint16, version uint64, id []byte, wrong bool) {
		disk := simfs.New()
		o := simOptions(disk, nil)
		rtopts.SetNow(&o.Internal, func() time.Time { return time.Unix(1e9, 0) })
		s, err := batpak.Open("simulated", o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Append(t.Context(), note("a:1", "before")); err != nil {
			t.Fatal(err)
		}
		store := s.ID()
		d := directoryOf(disk.Kill())
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		b := d[segment.Name(1)]
		end := int(binary.LittleEndian.Uint32(b[format.SegmentHeaderSize+20:])) + format.SegmentHeaderSize + format.GroupHeaderSize
		tail := format.Tail{
			Kind: kind, PayloadVersion: payloadVersion, Entity: []byte(entity), Scope: []byte(scope), Key: []byte(key),
			Extensions: extensions, Payload: payload,
		}
		if len(id) >= 16 {
			tail.Causation, tail.Correlation = [16]byte(id), [16]byte(id)
		}
		head := format.Head{Sequence: 2, Version: version, ID: [16]byte{0x7F, 6: 0x70, 8: 0x80}}
		copy(head.ID[:8], id)
		head.ID[6] = head.ID[6]&0x0F | 0x70
		encoded := format.EncodeTail(&tail)
		var linker chain.Linker
		head.Hash = linker.Link([32]byte{}, &head, kind, encoded.Flags, encoded.Linked(), chain.Digest(payload))
		if wrong {
			head.Hash[0]++
		}
		body := format.AppendRecord(nil, format.RecordSeed(store), &head, &encoded)
		g := format.GroupHeader{Type: format.GroupEvents, FirstSequence: 2, Count: 1, Incarnation: 1, Durable: uint32(end)}
		place := format.Place{Store: store, Segment: 1, Offset: int64(end)}
		openHostile(t, d.with(segment.Name(1), format.AppendGroup(b[:end:end], g, place, body)))
	})
}

// FuzzAppend: whatever somebody appends is refused with a typed error, or it is there
// as it was given when the store is opened again.
func FuzzAppend(f *testing.F) {
	f.Add("a:1", "scope", "key", []byte("payload"), uint16(0x1001), uint16(1), []byte{})
	f.Add("", "s", "", []byte{}, uint16(0), uint16(0), []byte{1})
	f.Add("é:1", strings.Repeat("s", 1025), strings.Repeat("k", 1024), []byte{0xC1}, uint16(0xD001), uint16(65535), bytes.Repeat([]byte{0xFF}, 16))
	f.Fuzz(func(t *testing.T, entity, scope, key string, payload []byte, kind, payloadVersion uint16, id []byte) {
		disk := simfs.New()
		s := openSim(t, disk, &batpak.Options{SegmentSize: 512, MaxPayload: 4096})
		draft := batpak.Draft{Coordinate: batpak.Coordinate{Entity: entity, Scope: scope}, Kind: batpak.Kind(kind), PayloadVersion: payloadVersion, Payload: payload}
		opts := []batpak.AppendOption{batpak.Key(key)}
		if key == "" {
			opts = nil
		}
		if len(id) >= 16 {
			opts = append(opts, batpak.CausedBy(batpak.ID(id)), batpak.Correlate(batpak.ID(id)))
		}
		given := bytes.Clone(payload)
		r, err := s.Append(t.Context(), draft, opts...)
		if !bytes.Equal(given, payload) {
			t.Error("Append() modified the payload")
		}
		if err != nil && !errors.Is(err, batpak.ErrInvalid) && !errors.Is(err, batpak.ErrTooLarge) {
			t.Fatalf("Append() = %v, want ErrInvalid or ErrTooLarge", err)
		}
		stored := err == nil
		mustAppend(t, s, note("a:2", "after"))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openSim(t, disk, nil)
		if n := s.Frontier().Visible; stored != (n == 2) {
			t.Fatalf("Append() = %v, then there are %d events", err, n)
		}
		if stored {
			e, err := s.Get(r.ID())
			if err != nil || e.Coordinate != draft.Coordinate || e.Kind != draft.Kind || e.PayloadVersion != payloadVersion ||
				!bytes.Equal(e.Payload, given) || e.Key != key || e.Hash != r.Hash() || len(id) >= 16 && e.Causation != batpak.ID(id) {
				t.Errorf("Get() = %+v, %v, want what was appended", e, err)
			}
			if again, err := s.Append(t.Context(), draft, opts...); key != "" && (err != nil || !sameReceipt(again, r)) {
				t.Errorf("the retry gives %+v, %v, want %+v", again, err, r)
			}
		}
		if v, err := s.Verify(t.Context()); err != nil || len(v.Damages) > 0 {
			t.Errorf("Verify() = %+v, %v", v, err)
		}
	})
}

// FuzzDenial: whatever a command, its gate and its denial are called, the record of
// the denial can be read, and so can the decision of a command that passed.
func FuzzDenial(f *testing.F) {
	f.Add("withdraw", "funds", "NSF", "not enough")
	f.Add("", "", "", "")
	f.Add("\xff", "\x00", "a\xc0b", strings.Repeat("m", 70000))
	f.Fuzz(func(t *testing.T, command, gate, code, message string) {
		s := openSim(t, simfs.New(), nil)
		for _, denial := range []*batpak.Denial{nil, batpak.Deny(code, message)} {
			d := note("a:1", "x")
			gates := []batpak.Gate[int]{{Name: gate, Eval: func(int) *batpak.Denial { return denial }}}
			_, err := batpak.Decide(t.Context(), s, d, func(ctx context.Context) (batpak.Permit[int], error) {
				reading, err := batpak.Load(ctx, s, d.Entity)
				if err != nil {
					return batpak.Permit[int]{}, err
				}
				return batpak.Propose[int](s, command, gates, reading, 0, d)
			}, batpak.RecordDenial())
			if (denial != nil) != errors.Is(err, batpak.ErrDenied) && !errors.Is(err, batpak.ErrInvalid) && !errors.Is(err, batpak.ErrTooLarge) {
				t.Fatalf("Decide() = %v with denial %v", err, denial)
			}
		}
		valid := func(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
		if code == "" {
			code = batpak.CodeUnnamed
		}
		for e, err := range s.Events(batpak.Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Kind != batpak.KindDenial {
				if e.Decision == nil || e.Decision.Command != valid(command) || e.Decision.Verdicts[0].Gate != valid(gate) {
					t.Errorf("the decision is read as %+v", e.Decision)
				}
				continue
			}
			r, err := batpak.DecodeDenial(e)
			if err != nil || r.Payload.Command != valid(command) || r.Payload.Gate != valid(gate) || r.Payload.Code != valid(code) {
				t.Errorf("DecodeDenial() = %+v, %v", r, err)
			}
		}
	})
}
