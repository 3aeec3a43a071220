package bank_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/batpak-go/batpak/examples/bank"
	batpak "github.com/batpak-go/batpak/runtime"
)

// open opens a store in a new directory and binds the schema to it. done closes
// the store and removes the directory.
func open() (journal *bank.Journal, done func()) {
	dir, err := os.MkdirTemp("", "bank-")
	if err != nil {
		log.Fatal(err)
	}
	store, err := batpak.Open(dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	journal, err = bank.Bind(store)
	if err != nil {
		log.Fatal(err)
	}
	return journal, func() {
		if err := errors.Join(store.Close(), os.RemoveAll(dir)); err != nil {
			log.Fatal(err)
		}
	}
}

// A journal appends typed events, folds them into typed states, and lets
// money out only through the gates.
func Example() {
	ctx := context.Background()
	id := bank.AccountID("acc-42")
	now := time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)
	dir, err := os.MkdirTemp("", "bank-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	// region: quickstart
	store, err := batpak.Open(dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	journal, err := bank.Bind(store)
	if err != nil {
		log.Fatal(err)
	}

	_, err = journal.AppendAccountOpened(ctx, id, bank.AccountOpened{Owner: "Ada", Currency: "EUR", OpenedAt: now})
	if err != nil {
		log.Fatal(err)
	}
	_, err = journal.AppendMoneyDeposited(ctx, id, bank.MoneyDeposited{Amount: 500, Source: bank.Source{Kind: "cash"}})
	if err != nil {
		log.Fatal(err)
	}

	const dailyLimit = 400
	atm := bank.MoneyWithdrawn{Amount: 300, Day: bank.DayOf(now), Reason: "atm"}
	receipt, err := journal.Withdraw(ctx, id, atm, dailyLimit)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("withdrawn as version", receipt.Version(), "after", len(receipt.Verdicts()), "gates")

	var denied *batpak.DeniedError
	_, err = journal.Withdraw(ctx, id, atm, dailyLimit)
	if !errors.As(err, &denied) {
		log.Fatal(err)
	}
	fmt.Println("denied by", denied.Gate+":", denied.Message)

	balance, err := journal.Balance(ctx, id)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("balance", balance.State.Available, "at version", balance.Version)
	// endregion
	// Output:
	// withdrawn as version 3 after 3 gates
	// denied by sufficient-funds: 300 requested, 200 available
	// balance 200 at version 3
}

// A retry with the same idempotency key returns the receipt of the first
// attempt, even if the gates would deny a second withdrawal.
func ExampleJournal_Withdraw() {
	ctx := context.Background()
	journal, done := open()
	defer done()

	id := bank.AccountID("acc-1")
	if _, err := journal.AppendMoneyDeposited(ctx, id, bank.MoneyDeposited{Amount: 100}); err != nil {
		log.Fatal(err)
	}
	all := bank.MoneyWithdrawn{Amount: 100, Reason: "transfer"}
	first, err := journal.Withdraw(ctx, id, all, 1000, batpak.Key("order-7"))
	if err != nil {
		log.Fatal(err)
	}
	again, err := journal.Withdraw(ctx, id, all, 1000, batpak.Key("order-7"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the same event:", first.ID() == again.ID())
	// Output:
	// the same event: true
}

// A permit says that the gates agreed. It is committed later, alone or in a
// batch with events of other streams, and fails if its stream has moved.
func ExampleJournal_ProposeWithdraw() {
	ctx := context.Background()
	journal, done := open()
	defer done()

	from, to := bank.AccountID("acc-1"), bank.AccountID("acc-2")
	if _, err := journal.AppendMoneyDeposited(ctx, from, bank.MoneyDeposited{Amount: 100}); err != nil {
		log.Fatal(err)
	}
	permit, err := journal.ProposeWithdraw(ctx, from, bank.MoneyWithdrawn{Amount: 60, Reason: "transfer"}, 1000)
	if err != nil {
		log.Fatal(err)
	}

	transfer := journal.Store().NewBatch()
	out := journal.AddWithdraw(transfer, permit)
	journal.AddMoneyDeposited(transfer, to, bank.MoneyDeposited{Amount: 60}, batpak.CausedByItem(out))
	if _, err := transfer.Commit(ctx); err != nil {
		log.Fatal(err)
	}

	_, err = journal.CommitWithdraw(ctx, permit)
	fmt.Println("a permit is good once:", errors.Is(err, batpak.ErrConflict))

	for _, id := range []bank.AccountID{from, to} {
		balance, err := journal.Balance(ctx, id)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(id, "has", balance.State.Available)
	}
	// Output:
	// a permit is good once: true
	// acc-1 has 40
	// acc-2 has 60
}

// Scopes file events under a second name; streams and states belong to the
// account alone.
func ExampleJournal_In() {
	ctx := context.Background()
	journal, done := open()
	defer done()

	id := bank.AccountID("acc-1")
	for _, branch := range []string{"berlin", "paris"} {
		_, err := journal.In(branch).AppendMoneyDeposited(ctx, id, bank.MoneyDeposited{Amount: 10})
		if err != nil {
			log.Fatal(err)
		}
	}
	for e, err := range journal.Store().Events(batpak.Query{Scope: "paris"}) {
		if err != nil {
			log.Fatal(err)
		}
		deposit, err := bank.DecodeMoneyDeposited(e)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(deposit.Scope, deposit.Entity, "version", deposit.Version, "amount", deposit.Payload.Amount)
	}
	// Output:
	// paris account:acc-1 version 2 amount 10
}
