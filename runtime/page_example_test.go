package batpak_test

import (
	"context"
	"fmt"
	"log"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/batpaktest"
)

// The newest events of a stream, three at a time. What is appended between two pages
// moves nothing: a position is a place in the log, not a count.
func ExampleStore_Page() {
	store := counted("a", 7)
	defer store.Close()

	// region: page
	newest := batpak.Query{Entity: "count:a", Backward: true}
	for position, more := uint64(0), true; more; {
		page, err := store.Page(newest, position, 3)
		if err != nil {
			log.Fatal(err)
		}
		for _, e := range page.Events {
			fmt.Print(string(e.Payload), " ")
		}
		fmt.Println("then from", page.Next)
		position, more = page.Next, page.More
	}
	// endregion

	// Output:
	// 7 6 5 then from 5
	// 4 3 2 then from 2
	// 1 then from 1
}

// A reader that follows the log keeps the position that it has come to, and is given
// each event once.
func ExampleStore_Page_follow() {
	store := counted("a", 2)
	defer store.Close()
	position := uint64(0)
	for range 3 {
		page, err := store.Page(batpak.Query{Prefix: "count:"}, position, 100)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(page.Events), "new")
		position = page.Next
		countOn(store, "b", 3)
	}

	// Output:
	// 2 new
	// 3 new
	// 3 new
}

// What was known when a decision was made is what was there before it.
func ExampleView_AsOf() {
	store := counted("a", 7)
	defer store.Close()
	decision, err := store.At(5)
	if err != nil {
		log.Fatal(err)
	}
	total := func(sum *int, e batpak.Event) error {
		*sum += len(e.Payload)
		return nil
	}

	// region: asof
	before := store.View().AsOf(decision.Sequence - 1)
	then, err := batpak.Project(context.Background(), before, decision.Entity, total)
	if err != nil {
		log.Fatal(err)
	}
	now, err := batpak.Project(context.Background(), store, decision.Entity, total)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("then", then.State, "at version", then.Version, "and now", now.State, "at version", now.Version)
	// endregion

	// Output: then 4 at version 4 and now 7 at version 7
}

// counted makes a store in memory that has counted to n.
func counted(entity string, n int) *batpak.Store {
	store, err := batpaktest.NewDisk().Open(nil)
	if err != nil {
		log.Fatal(err)
	}
	countOn(store, entity, n)
	return store
}

// countOn appends the numbers up to n.
func countOn(store *batpak.Store, entity string, n int) {
	for i := range n {
		if _, err := store.Append(context.Background(), note("count:"+entity, fmt.Sprint(i+1))); err != nil {
			log.Fatal(err)
		}
	}
}
