package batpak_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	batpak "github.com/batpak-go/batpak/runtime"
)

// What is sound of a damaged store goes into a new one, once, however often that is
// done.
func Example_salvage() {
	ctx := context.Background()
	top, err := os.MkdirTemp("", "salvage")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(top)
	damaged, sound := filepath.Join(top, "damaged"), filepath.Join(top, "sound")
	spoil(ctx, damaged)

	for range 2 {
		// region: salvage
		old, err := batpak.OpenReadOnly(damaged, &batpak.Options{Salvage: true})
		if err != nil {
			log.Fatal(err)
		}
		for _, gap := range old.Report().Gaps {
			fmt.Printf("lost: events %d to %d, of %q at least\n", gap.FirstSequence, gap.LastSequence, gap.Streams)
		}
		next, err := batpak.Open(sound, nil)
		if err != nil {
			log.Fatal(err)
		}
		for e, err := range old.Events(batpak.Query{}) {
			if err != nil {
				log.Fatal(err)
			}
			if e.Kind.Reserved() {
				continue // the store's own records, of denials
			}
			key := e.Key // so that whoever repeats an append is still known
			if key == "" {
				key = "salvaged/" + e.ID.String()
			}
			draft := batpak.Draft{Coordinate: e.Coordinate, Kind: e.Kind, PayloadVersion: e.PayloadVersion, Payload: e.Payload}
			if _, err := next.Append(ctx, draft, batpak.Key(key), batpak.Correlate(e.Correlation)); err != nil {
				log.Fatal(err)
			}
		}
		// endregion
		fmt.Println("copied:", next.Frontier().Durable)
		if err := next.Close(); err != nil {
			log.Fatal(err)
		}
		if err := old.Close(); err != nil {
			log.Fatal(err)
		}
	}

	// Output:
	// lost: events 3 to 3, of ["a:1"] at least
	// copied: 4
	// lost: events 3 to 3, of ["a:1"] at least
	// copied: 4
}

// spoil makes a store of five events and damages the third.
func spoil(ctx context.Context, dir string) {
	s, err := batpak.Open(dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	for i := range 5 {
		if _, err := s.Append(ctx, note("a:1", fmt.Sprint("payload ", i))); err != nil {
			log.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		log.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil || len(names) == 0 {
		log.Fatal(err, names)
	}
	b, err := os.ReadFile(names[0])
	if err != nil {
		log.Fatal(err)
	}
	b = bytes.Replace(b, []byte("payload 2"), []byte("payload 7"), 1)
	if err := os.WriteFile(names[0], b, 0o600); err != nil {
		log.Fatal(err)
	}
}
