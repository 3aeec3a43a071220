package batpak_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// TestBlockedDisk lets a sync take an hour, of virtual time, while clients append,
// give up after ten seconds, and try again. What they are told is true, readers
// and commands that are denied go on, and the memory that all of it takes is
// bounded.
func TestBlockedDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simfs.New()
		s := openSim(t, d, nil)
		mustAppend(t, s, note("e:0", "before"))
		reached, release := block(d)
		payload := strings.Repeat("x", 16<<10)

		var wg sync.WaitGroup
		var mu sync.Mutex // guards both
		unknown, refused := 0, 0
		ends := time.Now().Add(time.Hour)
		for client := range 16 {
			wg.Go(func() {
				for n := 0; time.Now().Before(ends); n++ {
					ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
					_, err := s.Append(ctx, note(fmt.Sprint("e:", client), payload))
					cancel()
					mu.Lock()
					switch {
					case errors.Is(err, batpak.ErrOutcomeUnknown):
						unknown++
					case errors.Is(err, context.DeadlineExceeded):
						refused++
					default:
						t.Errorf("Append() to a blocked disk = %v", err)
					}
					mu.Unlock()
				}
			})
		}
		<-reached
		before := heap()
		time.Sleep(59 * time.Minute)
		if grown := heap() - before; grown > 32<<20 {
			t.Errorf("an hour of appends to a blocked disk took %d MiB", grown>>20)
		}
		if e, err := s.At(1); err != nil || string(e.Payload) != "before" {
			t.Errorf("At() beside a blocked disk = %+v, %v", e.Meta, err)
		}
		if v, err := s.Verify(t.Context()); err != nil || v.Events != 1 {
			t.Errorf("Verify() beside a blocked disk = %+v, %v", v, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if err := s.Wait(ctx, batpak.MarkVisible, 2); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait() beside a blocked disk = %v", err)
		}
		cancel()
		wg.Wait()
		release()
		if err := s.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
		again := openSim(t, d, nil)
		stored := int(again.Report().Events) - 1
		if t.Logf("%d unknown, %d of them stored, %d refused", unknown, stored, refused); stored == 0 || stored != unknown || refused == 0 {
			t.Errorf("%d events were stored of %d whose outcome was not known; %d were refused", stored, unknown, refused)
		}
	})
}

// heap is how many bytes are in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestSlowReaderHoldsNobodyUp lets a reader stop in the middle of a loop while a
// thousand events are appended. It then sees what there was when it began.
func TestSlowReaderHoldsNobodyUp(t *testing.T) {
	s := openSim(t, simfs.New(), &batpak.Options{SegmentSize: 4096})
	for range 300 {
		mustAppend(t, s, note("e:0", "before"))
	}
	n := 0
	for e, err := range s.Events(batpak.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 150 {
			for range 1000 {
				mustAppend(t, s, note("e:0", "beside"))
			}
		}
		if string(e.Payload) != "before" {
			t.Fatalf("event %d was appended after the loop had begun", e.Sequence)
		}
	}
	if n != 300 {
		t.Errorf("loop saw %d events, want 300", n)
	}
}
