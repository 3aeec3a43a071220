package catalog_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/catalog"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
)

// BenchmarkCatalog asks a catalog of 16 segments with footers, all of them in the cache, and
// one in memory. What is asked by a name or an id should not cost more for more segments.
func BenchmarkCatalog(b *testing.B) {
	l := &log{random: rand.New(rand.NewPCG(1, 1)), heads: map[string]uint64{}}
	c := catalog.New(store, nil)
	const segments = 17
	for s := uint64(1); s <= segments; s++ {
		l.grow(s, 2000)
		if s == segments {
			c.AddRows(s, l.rowsOf(s, 1, math.MaxUint64))
			break
		}
		c.AddRun(l.run(b, s, l.footer(b, s), sidx.NewCache(1<<20)))
	}
	page := make([]index.Ref, 0, 100)
	for _, q := range []struct {
		name string
		ask  func(i int) error
	}{
		{"sequence", func(i int) error { _, _, err := c.At(uint64(i + 1)); return err }},
		{"id", func(i int) error { _, _, err := c.ByID(l.records[i].ID); return err }},
		{"key", func(i int) error { _, err := c.ByKey(l.records[i].Key); return err }},
		{"unknown key", func(i int) error { _, err := c.ByKey(fmt.Appendf(nil, "no key %d", i)); return err }},
		{"head of unknown stream", func(i int) error { _, err := c.Load(fmt.Sprint("nobody:", i)); return err }},
		{"page of stream", func(i int) error {
			_, err := c.Find(page, index.Query{Entity: string(l.records[i].Entity), After: uint64(i)})
			return err
		}},
		{"page of scope backward", func(i int) error {
			_, err := c.Find(page, index.Query{Scope: string(l.records[i].Scope), Until: uint64(i + 1), Backward: true})
			return err
		}},
	} {
		b.Run(q.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i = (i + 7919) % len(l.records) {
				if err := q.ask(i); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
