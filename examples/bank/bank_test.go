package bank_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/examples/bank"
	"github.com/batpak-go/batpak/props"
	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/batpaktest"
	"github.com/batpak-go/batpak/runtime/wire"
)

const id = bank.AccountID("acc-42")

// newJournal returns a journal over a new store that is closed with the test.
func newJournal(t *testing.T) *bank.Journal {
	t.Helper()
	store, err := batpaktest.OpenDir(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	})
	journal, err := bank.Bind(store)
	if err != nil {
		t.Fatalf("Bind() = %v, want nil", err)
	}
	return journal
}

// deposit puts money on the account.
func deposit(t *testing.T, j *bank.Journal, amount bank.Cents) {
	t.Helper()
	if _, err := j.AppendMoneyDeposited(t.Context(), id, bank.MoneyDeposited{Amount: amount}); err != nil {
		t.Fatal(err)
	}
}

func TestGatesDeny(t *testing.T) {
	hundred := bank.MoneyDeposited{Amount: 100}
	for _, c := range []struct {
		name   string
		before []props.Payload
		amount bank.Cents
		code   string
	}{
		{"frozen account", []props.Payload{hundred, bank.AccountFrozen{By: "court"}}, 1, "FROZEN"},
		{"no money", nil, 1, "NSF"},
		{"too much", []props.Payload{hundred}, 101, "NSF"},
		{"nothing", []props.Payload{hundred}, 0, "AMOUNT"},
		{"over the limit", []props.Payload{bank.MoneyDeposited{Amount: 1000}}, 501, "LIMIT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bank.Given(t, c.before...).WhenWithdraw(bank.MoneyWithdrawn{Amount: c.amount}, 500).ThenDenied(c.code)
		})
	}
}

func TestDailyLimitCountsOneDay(t *testing.T) {
	// region: given
	on := func(day bank.Day, amount bank.Cents) bank.MoneyWithdrawn {
		return bank.MoneyWithdrawn{Amount: amount, Day: day}
	}
	bank.Given(t, bank.MoneyDeposited{Amount: 1000}).
		WhenWithdraw(on(1, 60), 100).ThenAppended(on(1, 60)).
		WhenWithdraw(on(1, 41), 100).ThenDenied("LIMIT").
		WhenWithdraw(on(2, 100), 100).ThenAppended(on(2, 100)).
		ThenBalance(bank.Balance{Available: 840})
	// endregion
	bank.Given(t, bank.MoneyDeposited{Amount: 1000}).
		WhenWithdraw(on(1, 60), 100).ThenAppended(on(1, 60)).
		WhenWithdraw(on(1, 40), 100).ThenAppended(on(1, 40)).
		WhenWithdraw(on(1, 1), 100).ThenDenied("LIMIT").
		ThenActivity(bank.Activity{Deposits: 1, Withdrawals: 2, LastDay: 1, LastDaySum: 100})
}

// However many withdraw at once, the account is never overdrawn.
func TestConcurrentWithdrawalsNeverOverdraw(t *testing.T) {
	const workers, each, total = 8, 10, 45
	j := newJournal(t)
	deposit(t, j, total)
	var wg sync.WaitGroup
	errs := make([]error, workers)
	for i := range workers {
		wg.Go(func() {
			_, errs[i] = j.Withdraw(context.Background(), id, bank.MoneyWithdrawn{Amount: each}, 1000)
		})
	}
	wg.Wait()
	passed := 0
	for i, err := range errs {
		switch {
		case err == nil:
			passed++
		case !errors.Is(err, batpak.ErrDenied):
			t.Errorf("withdrawal %d = %v, want success or a denial", i, err)
		}
	}
	if want := total / each; passed != want {
		t.Errorf("withdrawals that passed = %d, want %d", passed, want)
	}
	balance, err := j.Balance(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if want := bank.Cents(total % each); balance.State.Available != want {
		t.Errorf("Balance() = %d, want %d", balance.State.Available, want)
	}
}

// What the gates said is stored with the event.
func TestVerdictsAreStored(t *testing.T) {
	j := newJournal(t)
	deposit(t, j, 100)
	receipt, err := j.Withdraw(t.Context(), id, bank.MoneyWithdrawn{Amount: 1}, 100)
	if err != nil {
		t.Fatal(err)
	}
	e, err := j.Store().Get(receipt.ID())
	if err != nil {
		t.Fatal(err)
	}
	want := &batpak.Decision{Command: "withdraw", Version: 1, Verdicts: []batpak.Verdict{
		{Gate: "not-frozen"}, {Gate: "sufficient-funds"}, {Gate: "daily-limit"},
	}}
	if d := cmp.Diff(want, e.Decision); d != "" {
		t.Errorf("stored decision differs (-want +got):\n%s", d)
	}
}

// A permit that no gate issued allows nothing.
func TestZeroPermitIsRefused(t *testing.T) {
	j := newJournal(t)
	if _, err := j.CommitWithdraw(t.Context(), batpak.Permit[bank.MoneyWithdrawn]{}); !errors.Is(err, batpak.ErrInvalid) {
		t.Errorf("CommitWithdraw(zero permit) = %v, want %v", err, batpak.ErrInvalid)
	}
	b := j.Store().NewBatch()
	j.AddWithdraw(b, batpak.Permit[bank.MoneyWithdrawn]{})
	if _, err := b.Commit(t.Context()); !errors.Is(err, batpak.ErrInvalid) {
		t.Errorf("Commit(batch with a zero permit) = %v, want %v", err, batpak.ErrInvalid)
	}
}

// Text that could never be decoded again is refused before it is stored.
func TestInvalidTextIsRefused(t *testing.T) {
	j := newJournal(t)
	bad := "\xff"
	if _, err := j.AppendMoneyDeposited(t.Context(), id, bank.MoneyDeposited{Amount: 1, Memo: bad}); !errors.Is(err, wire.ErrUTF8) {
		t.Errorf("AppendMoneyDeposited(memo \\xff) = %v, want %v", err, wire.ErrUTF8)
	}
	if _, err := j.Withdraw(t.Context(), id, bank.MoneyWithdrawn{Amount: 1, Reason: bad}, 1); !errors.Is(err, wire.ErrUTF8) {
		t.Errorf("Withdraw(reason \\xff) = %v, want %v", err, wire.ErrUTF8)
	}
	b := j.Store().NewBatch()
	j.AddMoneyDeposited(b, id, bank.MoneyDeposited{Amount: 1, Source: bank.Source{Ref: bad}})
	if _, err := b.Commit(t.Context()); !errors.Is(err, wire.ErrUTF8) {
		t.Errorf("Commit(batch with ref \\xff) = %v, want %v", err, wire.ErrUTF8)
	}
	if head, err := j.Store().Head("account:acc-42"); head != 0 || err != nil {
		t.Errorf("version after refused appends = %d, %v, want 0", head, err)
	}
}

func TestDayOf(t *testing.T) {
	for _, tt := range []struct {
		at   time.Time
		want bank.Day
	}{
		{time.Unix(0, 0), 0},
		{time.Unix(86399, 0), 0},
		{time.Unix(86400, 0), 1},
		{time.Unix(-1, 0), -1},
		{time.Unix(-86400, 0), -1},
		{time.Date(2026, 1, 1, 0, 30, 0, 0, time.FixedZone("east", 3600)), 20453},
	} {
		if got := bank.DayOf(tt.at); got != tt.want {
			t.Errorf("DayOf(%v) = %d, want %d", tt.at, got, tt.want)
		}
	}
}
