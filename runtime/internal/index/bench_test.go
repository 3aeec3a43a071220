package index_test

import (
	"math/rand/v2"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/index"
)

// BenchmarkFind finds pages of 100 events, each behind a place anywhere among
// 100,000.
func BenchmarkFind(b *testing.B) {
	m := model(nil).grow(rand.New(rand.NewPCG(1, 2)), 100_000)
	x := index.New(m[0].Sequence)
	x.Add(m)
	page := make([]index.Ref, 0, 100)
	for _, c := range []struct {
		name  string
		query func(e *index.Entry) index.Query
	}{
		{"entity", func(e *index.Entry) index.Query { return index.Query{Entity: string(e.Entity)} }},
		{"prefix", func(e *index.Entry) index.Query { return index.Query{Prefix: string(e.Entity[:1])} }},
		{"scope", func(e *index.Entry) index.Query { return index.Query{Scope: string(e.Scope)} }},
		{"kind", func(e *index.Entry) index.Query { return index.Query{Kinds: []uint16{e.Kind}} }},
		{"all", func(*index.Entry) index.Query { return index.Query{} }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i = (i + 7919) % len(m)
				q := c.query(&m[i])
				q.After = m[i].Sequence - 1
				if found := x.Find(page[:0], q); len(found) == 0 || found[0].Sequence != m[i].Sequence {
					b.Fatalf("%+v finds %v, want event %d first", q, found, m[i].Sequence)
				}
			}
		})
	}
}
