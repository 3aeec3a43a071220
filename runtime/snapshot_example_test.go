package batpak_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	batpak "github.com/batpak-go/batpak/runtime"
)

// A snapshot is taken of a store that goes on; the backup is a copy of it that is
// proven, and may lie on another disk.
func ExampleStore_Snapshot() {
	ctx := context.Background()
	top, err := os.MkdirTemp("", "backup")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(top)
	snapshot, backup := filepath.Join(top, "snapshot"), filepath.Join(top, "backup")
	store, err := batpak.Open(filepath.Join(top, "store"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	for i := range 3 {
		if _, err := store.Append(ctx, note("account:1", fmt.Sprint("deposit ", i))); err != nil {
			log.Fatal(err)
		}
	}
	if err := backUp(ctx, store, snapshot, backup); err != nil {
		log.Fatal(err)
	}
	if _, err := store.Append(ctx, note("account:1", "later")); err != nil {
		log.Fatal(err)
	}
	fmt.Println("the store has", store.Frontier().Durable, "events")
	// Output:
	// 3 events are safe
	// the store has 4 events
}

func backUp(ctx context.Context, store *batpak.Store, snapshot, backup string) error {
	// region: backup
	if _, err := store.Snapshot(ctx, snapshot); err != nil { // appends go on
		return err
	}
	defer os.RemoveAll(snapshot)
	copied, err := batpak.Restore(ctx, snapshot, backup, nil) // shares nothing, and is proven
	if err != nil {
		return err
	}
	fmt.Println(copied.Position, "events are safe")
	// endregion
	return nil
}
