package batpak_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/batpaktest"
)

// What is older than thirty days loses its payload, and nothing else does, though the
// system's clock is ahead.
func ExampleRetention() {
	ctx := context.Background()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := batpaktest.NewClock(start, 1) // in place of the system's
	store, err := batpaktest.NewDisk().Open(clock.Options(&batpak.Options{SegmentSize: 4 << 10}))
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	for day := range 60 {
		clock.Set(start.AddDate(0, 0, day))
		if _, err := store.Append(ctx, note("sensor:1", strings.Repeat("reading ", 100))); err != nil {
			log.Fatal(err)
		}
	}
	for _, ahead := range []int{1000, 0} { // days
		clock.Set(start.AddDate(0, 0, 59+ahead))
		report, err := compactByAge(ctx, store, clock.Now(), 30*24*time.Hour)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(report.Tombstoned, "payloads are gone")
	}
	clock.Set(start.AddDate(0, 0, 50)) // nine days back
	if _, err := store.Append(ctx, note("sensor:1", "reading")); err != nil {
		log.Fatal(err)
	}
	fmt.Println(store.Skew())
	// Output:
	// 29 payloads are gone
	// 0 payloads are gone
	// 1 216h0m0s
}

// compactByAge takes away the payloads of events that are older than age. If a clock is
// ahead now, or was when the newest event was made, that takes nothing away too early.
func compactByAge(ctx context.Context, store *batpak.Store, now time.Time, age time.Duration) (batpak.CompactReport, error) {
	newest, err := store.At(store.Frontier().Visible)
	if err != nil {
		return batpak.CompactReport{}, err
	}
	if newest.Time.Before(now) {
		now = newest.Time
	}
	return store.Compact(ctx, batpak.Retention(func(m batpak.Meta) batpak.Fate {
		if m.Time.Before(now.Add(-age)) {
			return batpak.TombstoneEvent
		}
		return batpak.KeepEvent
	}))
}
