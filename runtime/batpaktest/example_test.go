package batpaktest_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/batpaktest"
)

// A power cut at any operation of an append loses at most that append.
func Example() {
	ctx := context.Background()
	disk := batpaktest.NewDisk()
	store, err := disk.Open(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	if _, err := add(ctx, store, "acknowledged"); err != nil {
		log.Fatal(err)
	}

	// Take an image before each operation of the next append.
	var images []*batpaktest.Disk
	disk.OnOp(func(batpaktest.Op, string) { images = append(images, disk.Cut(uint64(len(images)))) })
	if _, err := add(ctx, store, "under way"); err != nil {
		log.Fatal(err)
	}
	disk.OnOp(nil)

	lost := 0
	for _, image := range images {
		reopened, err := image.Open(nil)
		if err != nil {
			log.Fatal(err)
		}
		first, err := reopened.At(1)
		if err != nil || string(first.Payload) != "acknowledged" {
			lost++
		}
		reopened.Close()
	}
	fmt.Println(len(images) > 1, lost)
	// Output: true 0
}

// An append whose sync fails was not acknowledged; the store takes no more.
func ExampleDisk_Fail() {
	disk := batpaktest.NewDisk()
	store, err := disk.Open(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	disk.Fail(batpaktest.Fault{Op: batpaktest.OpSync})
	_, err = add(context.Background(), store, "a")
	fmt.Println(err != nil)
	_, err = add(context.Background(), store, "b")
	fmt.Println(errors.Is(err, batpak.ErrPoisoned))
	// Output:
	// true
	// true
}
