package bank

import "time"

// AccountID names an account, "acc-42".
type AccountID string

// Cents is an amount of money in minor units.
type Cents int64

// Day is a calendar day in UTC, counted from 1970-01-01.
type Day int32

// DayOf returns the day of an instant.
func DayOf(t time.Time) Day {
	const secondsPerDay = 24 * 60 * 60
	s := t.Unix()
	day := s / secondsPerDay
	if s%secondsPerDay < 0 {
		day--
	}
	return Day(day)
}

// AccountOpened records a new account.
type AccountOpened struct {
	Owner    string
	Currency string
	OpenedAt time.Time
}

// MoneyDeposited records money coming in.
type MoneyDeposited struct {
	Amount Cents
	Source Source
	Memo   string `bat:"memo,optional"`
}

// Source says where a deposit came from.
type Source struct {
	Kind string // "cash", "transfer"
	Ref  string
}

// MoneyWithdrawn records money going out.
type MoneyWithdrawn struct {
	Amount Cents
	Day    Day
	Reason string
}

// AccountFrozen records that nothing may leave the account any more.
type AccountFrozen struct {
	By     string
	Reason string
}

// AccountFlagged records that a rule found the account suspicious.
type AccountFlagged struct {
	Rule  string
	Score uint32
}
