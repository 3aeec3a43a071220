package bank

import batpak "github.com/batpak-go/batpak/runtime"

// Balance is what an account holds.
type Balance struct {
	Open      bool
	Available Cents
	Frozen    bool
}

func (b *Balance) opened(batpak.Stored[AccountOpened]) { b.Open = true }

func (b *Balance) deposited(e batpak.Stored[MoneyDeposited]) { b.Available += e.Payload.Amount }

func (b *Balance) withdrawn(e batpak.Stored[MoneyWithdrawn]) { b.Available -= e.Payload.Amount }

func (b *Balance) frozen(batpak.Stored[AccountFrozen]) { b.Frozen = true }

// Activity is how an account was used.
type Activity struct {
	Deposits    int64
	Withdrawals int64
	Flags       int64
	LastDay     Day   // of the latest withdrawal
	LastDaySum  Cents // withdrawn on that day
}

func (a *Activity) deposited(batpak.Stored[MoneyDeposited]) { a.Deposits++ }

func (a *Activity) withdrawn(e batpak.Stored[MoneyWithdrawn]) {
	a.Withdrawals++
	if e.Payload.Day != a.LastDay {
		a.LastDay, a.LastDaySum = e.Payload.Day, 0
	}
	a.LastDaySum += e.Payload.Amount
}

func (a *Activity) flagged(batpak.Stored[AccountFlagged]) { a.Flags++ }

// WithdrawnOn returns how much left the account on a day, if that is the latest
// day with a withdrawal, and otherwise nothing.
func (a Activity) WithdrawnOn(day Day) Cents {
	if day != a.LastDay {
		return 0
	}
	return a.LastDaySum
}

// Withdrawal is what the gates of a withdrawal see.
type Withdrawal struct {
	Account  AccountID
	Balance  Balance
	Activity Activity
	Proposed MoneyWithdrawn
	Limit    Cents `bat:"caller"` // per day
}

func denyFrozen(w Withdrawal) *batpak.Denial {
	if w.Balance.Frozen {
		return batpak.Denyf("FROZEN", "account %s is frozen", w.Account)
	}
	return nil
}

func denyOverdraft(w Withdrawal) *batpak.Denial {
	switch {
	case w.Proposed.Amount <= 0:
		return batpak.Deny("AMOUNT", "amount must be positive")
	case w.Proposed.Amount > w.Balance.Available:
		return batpak.Denyf("NSF", "%d requested, %d available", w.Proposed.Amount, w.Balance.Available)
	}
	return nil
}

func denyOverLimit(w Withdrawal) *batpak.Denial {
	spent := w.Activity.WithdrawnOn(w.Proposed.Day)
	if w.Proposed.Amount > w.Limit-spent {
		return batpak.Denyf("LIMIT", "%d requested, %d of the daily limit left", w.Proposed.Amount, max(w.Limit-spent, 0))
	}
	return nil
}
