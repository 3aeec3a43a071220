package sidx_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
)

func reader(file []byte) io.ReaderAt { return bytes.NewReader(file) }

// BenchmarkRun asks a run of 250,000 events, as a segment of 64 MiB holds, with all
// of it in the cache and with none.
func BenchmarkRun(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	m := grow(r, 250_000, false)
	file := m.file(b)
	for _, budget := range []int64{0, 32 << 20} {
		run, err := open(file, sidx.NewCache(budget))
		if err != nil {
			b.Fatal(err)
		}
		page := make([]index.Ref, 0, 100)
		for name, ask := range map[string]func(i int) error{
			"at": func(i int) error { _, _, err := run.At(m[i].Sequence); return err },
			"id": func(i int) error { _, _, err := run.ByID(m[i].ID); return err },
			"key": func(i int) error {
				_, err := run.ByKey(nil, sidx.Fingerprint(place.Store, m[i].Key))
				return err
			},
			"no key":       func(i int) error { _, err := run.ByKey(nil, r.Uint64()); return err },
			"filtered key": func(i int) error { _, err := run.MayKnow(r.Uint64()); return err },
			"stream":       func(i int) error { _, _, err := run.Stream(string(m[i].Entity)); return err },
			"page of kind": func(i int) error {
				_, err := run.Find(page, &index.Query{Kinds: []uint16{m[i].Kind}, After: m[i].Sequence})
				return err
			},
			"page of entity": func(i int) error {
				_, err := run.Find(page, &index.Query{Entity: string(m[i].Entity), Until: m[i].Sequence, Backward: true})
				return err
			},
			"page of category": func(i int) error {
				_, err := run.Find(page, &index.Query{Categories: []uint16{m[i].Kind / 0x1000}, After: m[i].Sequence})
				return err
			},
			"page of time": func(i int) error {
				_, err := run.Find(page, &index.Query{MinID: m.ref(i).HighID / 3, EndID: m.ref(i).HighID, Backward: true})
				return err
			},
			"page of story": func(i int) error {
				_, err := run.Find(page, &index.Query{Correlation: m[i].Correlation, Root: m[i].Sequence})
				return err
			},
			"page of prefix": func(i int) error {
				_, err := run.Find(page, &index.Query{Prefix: "b", After: m[i].Sequence})
				return err
			},
		} {
			b.Run(fmt.Sprintf("cache=%d/%s", budget, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := ask(r.IntN(len(m))); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
