package sidx_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
)

// FuzzForgedFooter changes the bytes of a footer and makes every checksum right again,
// as somebody can who knows the format. What it is asked then it answers, whatever
// that be, or it says that it is damaged; it takes no more room than it was given and
// comes to an end.
func FuzzForgedFooter(f *testing.F) {
	m := grow(rand.New(rand.NewPCG(9, 9)), 700, true)
	sound := m.file(f)
	same := append([]byte{}, sound...)
	if forge(same, int(m.length()), nil); !bytes.Equal(same, sound) {
		f.Fatal("the checksums are not those of the format")
	}
	f.Fuzz(func(t *testing.T, edits []byte) {
		file := append([]byte{}, sound...)
		forge(file, int(m.length()), edits)
		run, err := open(file, sidx.NewCache(1<<20))
		if err == nil {
			err = ask(run, m)
		}
		var damage *sidx.DamageError
		if err != nil && !errors.As(err, &damage) {
			t.Fatalf("%v, want an answer or damage", err)
		}
	})
}

// forge changes bytes of the footer that begins at an offset of a file, each by two
// bytes of where and one of what, and then its checksums.
func forge(file []byte, from int, edits []byte) {
	footer := file[from:]
	for ; len(edits) >= 3; edits = edits[3:] {
		footer[int(binary.LittleEndian.Uint16(edits))*len(footer)>>16] = edits[2]
	}
	trailer := len(footer) - 256
	for at, page := 0, uint32(0); at < trailer; at, page = at+4096, page+1 {
		seal(footer[at:min(at+4096, trailer)], page)
	}
	seal(footer[trailer:], 1<<32-1)
}

// seal makes the checksum of a page right.
func seal(page []byte, number uint32) {
	table := crc32.MakeTable(crc32.Castagnoli)
	seed := append([]byte{}, place.Store[:]...)
	seed = binary.LittleEndian.AppendUint64(seed, place.Segment)
	seed = binary.LittleEndian.AppendUint32(seed, number)
	end := len(page) - 4
	binary.LittleEndian.PutUint32(page[end:], crc32.Update(crc32.Checksum(seed, table), table, page[:end]))
}

// ask puts every kind of question to a run, and returns the first damage.
func ask(run *sidx.Run, m model) (err error) {
	note := func(e error) {
		if err == nil {
			err = e
		}
	}
	for _, e := range []int{0, len(m) / 2, len(m) - 1} {
		r := &m[e]
		_, _, aerr := run.At(r.Sequence)
		note(aerr)
		_, _, aerr = run.ByID(r.ID)
		note(aerr)
		_, aerr = run.ByKey(nil, sidx.Fingerprint(place.Store, r.Key))
		note(aerr)
		_, aerr = run.MayKnow(sidx.Fingerprint(place.Store, r.Key))
		note(aerr)
		_, aerr = run.MayKnow(sidx.NameFingerprint(place.Store, r.Entity))
		note(aerr)
		_, aerr = run.Effects(nil, r.Causation)
		note(aerr)
		_, aerr = run.Before(string(r.Entity), r.Sequence)
		note(aerr)
		_, aerr = new(sidx.Known[string]).Entities(run, nil, []index.Ref{{Sequence: r.Sequence}}, func(entity string) *string { return &entity })
		note(aerr)
		_, aerr = run.Incarnation(r.Sequence)
		note(aerr)
		_, _, aerr = run.Stream(string(r.Entity))
		note(aerr)
		for _, q := range []index.Query{
			{},
			{Entity: string(r.Entity)},
			{Prefix: string(r.Entity[:1])},
			{Scope: string(r.Scope)},
			{Kinds: []uint16{r.Kind}},
			{Categories: []uint16{r.Kind >> 12}},
			{Correlation: r.Correlation},
			{Prefix: string(r.Entity[:1]), Scope: string(r.Scope)},
		} {
			for _, q.Backward = range []bool{false, true} {
				_, aerr = run.Find(make([]index.Ref, 0, 20), &q)
				note(aerr)
			}
		}
	}
	return err
}
