package batpak_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// BenchmarkDurableAppend compares durable appends with a probe that writes as
// many bytes into the same kind of file, zeroed ahead of use, and syncs them, and
// with one goroutine that appends alone. They take turns, so that all meet the
// same moods of the disk.
//
//	go test -run '^$' -bench DurableAppend -benchtime 5s ./runtime
//
// Metrics: events/s of the store; x-probe, the time of a commit of n events over
// that of the probe for their bytes; x-one, the rate over that of one goroutine;
// B/event on disk beyond payload and names.
func BenchmarkDurableAppend(b *testing.B) {
	for _, goroutines := range []int{1, 8, 64} {
		b.Run(fmt.Sprint("goroutines=", goroutines), func(b *testing.B) { benchAppend(b, goroutines, 1) })
	}
	b.Run("batch=1000", func(b *testing.B) { benchAppend(b, 1, 1000) })
}

const benchPayload = 150

func benchAppend(b *testing.B, goroutines, batch int) {
	dir := b.TempDir()
	s := benchStore(b, dir)
	other := benchStore(b, b.TempDir())
	probe := newProbe(b)

	const names = len("account:000") + len("bench")
	drafts := make([]batpak.Draft, goroutines)
	for g := range drafts {
		drafts[g] = batpak.Draft{
			Coordinate: batpak.Coordinate{Entity: fmt.Sprintf("account:%03d", g), Scope: "bench"},
			Kind:       0x1001, PayloadVersion: 1, Payload: make([]byte, benchPayload),
		}
	}
	appendOne := func(d batpak.Draft) {
		if batch == 1 {
			if _, err := s.Append(context.Background(), d); err != nil {
				b.Error(err)
			}
			return
		}
		t := s.NewBatch()
		for range batch {
			t.Add(d)
		}
		if _, err := t.Commit(context.Background()); err != nil {
			b.Error(err)
		}
	}

	alone := func() {
		if _, err := other.Append(context.Background(), drafts[0]); err != nil {
			b.Error(err)
		}
	}

	var store, raw, one time.Duration
	const turn = 64 // commits of each in a row
	rounds := 0
	for b.Loop() {
		began := time.Now()
		var wg sync.WaitGroup
		for g := range goroutines {
			wg.Go(func() {
				for range turn {
					appendOne(drafts[g])
				}
			})
		}
		wg.Wait()
		store += time.Since(began)

		began = time.Now()
		for range turn {
			probe(goroutines * batch * (benchPayload + names + 80))
		}
		raw += time.Since(began)

		began = time.Now()
		for range turn {
			alone()
		}
		one += time.Since(began)
		rounds++
	}
	commits := float64(rounds * turn)
	events := commits * float64(goroutines*batch)
	b.ReportMetric(events/store.Seconds(), "events/s")
	b.ReportMetric(store.Seconds()/raw.Seconds(), "x-probe")
	b.ReportMetric(events/store.Seconds()/(commits/one.Seconds()), "x-one")
	b.ReportMetric(0, "ns/op")
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(size(b, dir))/events-benchPayload-float64(names), "B/event")
}

func benchStore(b *testing.B, dir string) *batpak.Store {
	s, err := batpak.Open(dir, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

// newProbe returns what writes n bytes behind the last ones and syncs them.
func newProbe(b *testing.B) func(n int) {
	dir, err := vfs.OpenDir(filepath.Join(b.TempDir(), "probe"))
	if err != nil {
		b.Fatal(err)
	}
	f, err := dir.Create("probe")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close(); dir.Close() })
	const ahead = 64 << 20
	buf := make([]byte, ahead)
	if _, err := f.WriteAt(buf, 0); err != nil {
		b.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	at := 0
	return func(n int) {
		if at+n > ahead {
			at = 0
		}
		if _, err := f.WriteAt(buf[:n], int64(at)); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		at += n
	}
}

func size(b *testing.B, dir string) (total int64) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			b.Fatal(err)
		}
		total += info.Size()
	}
	return total
}
