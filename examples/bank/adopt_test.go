package bank_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/batpak-go/batpak/examples/bank"
	batpak "github.com/batpak-go/batpak/runtime"
)

// row is an account in the table that a bank had before it had a log.
type row struct {
	id    bank.AccountID
	owner string
	since time.Time
	cents bank.Cents
}

// Rows of a table become events once, however often that is done.
func Example_adopt() {
	ctx := context.Background()
	journal, done := open()
	defer done()
	table := []row{
		{"acc-1", "Ada", time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), 500},
		{"acc-2", "Bob", time.Date(2025, 7, 1, 0, 0, 0, 0, time.UTC), 120},
	}
	for range 2 {
		// region: adopt
		for _, row := range table {
			batch := journal.Store().NewBatch()
			journal.AddAccountOpened(batch, row.id,
				bank.AccountOpened{Owner: row.owner, Currency: "EUR", OpenedAt: row.since},
				batpak.Key("import/opened/"+string(row.id)))
			journal.AddMoneyDeposited(batch, row.id,
				bank.MoneyDeposited{Amount: row.cents, Source: bank.Source{Kind: "import"}},
				batpak.Key("import/balance/"+string(row.id)))
			if _, err := batch.Commit(ctx); err != nil {
				log.Fatal(err)
			}
		}
		// endregion
	}
	for _, row := range table {
		balance, err := journal.Balance(ctx, row.id)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(row.owner, "has", balance.State.Available, "after", balance.Version, "events")
	}
	// Output:
	// Ada has 500 after 2 events
	// Bob has 120 after 2 events
}
