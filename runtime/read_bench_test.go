package batpak_test

import (
	"fmt"
	"testing"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
)

// filled makes a closed store of n events of 150 bytes in 1,000 streams.
func filled(b *testing.B, n int) (dir string) {
	b.Helper()
	dir = b.TempDir()
	s, err := batpak.Open(dir, nil)
	if err != nil {
		b.Fatal(err)
	}
	for at := 0; at < n; {
		batch := s.NewBatch()
		for ; batch.Len() < 1000 && at < n; at++ {
			batch.Add(batpak.Draft{
				Coordinate: batpak.Coordinate{Entity: fmt.Sprintf("account:%03d", at%1000), Scope: "bench"},
				Kind:       batpak.Kind(0x1000 + at%8), PayloadVersion: 1, Payload: make([]byte, benchPayload),
			}, batpak.Correlate(batpak.ID{0: 1, 14: byte(at / 100 >> 8), 15: byte(at / 100)}))
		}
		if _, err := batch.Commit(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return dir
}

const benchEvents = 100_000

// BenchmarkRead measures opening, finding and iterating over 100,000 events.
func BenchmarkRead(b *testing.B) {
	dir := filled(b, benchEvents)
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			s, err := batpak.Open(dir, nil)
			if err != nil {
				b.Fatal(err)
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		}
		perEvent(b, benchEvents)
	})
	s, err := batpak.Open(dir, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			iterate(b, s, batpak.Query{}, benchEvents)
		}
		perEvent(b, benchEvents)
	})
	b.Run("stream", func(b *testing.B) {
		for b.Loop() {
			iterate(b, s, batpak.Query{Entity: "account:007"}, benchEvents/1000)
		}
		perEvent(b, benchEvents/1000)
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if v, err := s.Verify(b.Context()); err != nil || v.Events != benchEvents {
				b.Fatal(v, err)
			}
		}
		perEvent(b, benchEvents)
	})
	first, err := s.At(1)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("get", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Get(first.ID); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkPage measures a page of 100 events, at any place, by each field of a query,
// and one event by what finds it.
func BenchmarkPage(b *testing.B) {
	s, err := batpak.Open(filled(b, benchEvents), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for _, c := range []struct {
		name string
		set  func(q *batpak.Query, e *batpak.Event)
	}{
		{"all", func(*batpak.Query, *batpak.Event) {}},
		{"entity", func(q *batpak.Query, e *batpak.Event) { q.Entity = e.Entity }},
		{"prefix-of-1000", func(q *batpak.Query, e *batpak.Event) { q.Prefix = e.Entity[:8] }},
		{"prefix-of-100", func(q *batpak.Query, e *batpak.Event) { q.Prefix = e.Entity[:9] }},
		{"prefix-of-10", func(q *batpak.Query, e *batpak.Event) { q.Prefix = e.Entity[:10] }},
		{"scope", func(q *batpak.Query, e *batpak.Event) { q.Scope = e.Scope }},
		{"kind", func(q *batpak.Query, e *batpak.Event) { q.Kinds = []batpak.Kind{e.Kind} }},
		{"category", func(q *batpak.Query, e *batpak.Event) { q.Categories = []uint16{e.Kind.Category()} }},
		{"correlation", func(q *batpak.Query, e *batpak.Event) { q.Correlation = e.Correlation }},
		{"time", func(q *batpak.Query, e *batpak.Event) {
			q.From, q.To = e.Time.Add(-time.Second), e.Time.Add(time.Second)
		}},
	} {
		for _, backward := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/backward=%v", c.name, backward), func(b *testing.B) {
				b.ReportAllocs()
				for i := uint64(0); b.Loop(); i++ {
					e, err := s.At(1 + i*7919*104729%benchEvents)
					if err != nil {
						b.Fatal(err)
					}
					q := batpak.Query{Backward: backward}
					position := e.Sequence
					if c.set(&q, &e); !q.Correlation.IsZero() {
						position = 0
					}
					if _, err := s.Page(q, position, 100); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func iterate(b *testing.B, s *batpak.Store, q batpak.Query, want int) {
	n := 0
	for _, err := range s.Events(q) {
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	if n != want {
		b.Fatalf("%d events, want %d", n, want)
	}
}

func perEvent(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/event")
}
