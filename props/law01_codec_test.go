package props_test

import (
	"testing"

	"github.com/leanovate/gopter"

	"github.com/batpak-go/batpak/props"
)

// LAW01: a payload survives its encoding, and has one encoding.
func TestLaw01PayloadSurvivesItsEncoding(t *testing.T) {
	t.Parallel()
	roundTrips(t, "AccountOpened", openedCodec, accountsOpened())
	roundTrips(t, "MoneyDeposited", depositedCodec, moneyDeposited())
	roundTrips(t, "MoneyWithdrawn", withdrawnCodec, moneyWithdrawn())
	roundTrips(t, "AccountFrozen", frozenCodec, accountsFrozen())
	roundTrips(t, "AccountFlagged", flaggedCodec, accountsFlagged())
}

func roundTrips[T any](t *testing.T, name string, c props.Codec[T], values gopter.Gen) {
	t.Run(name, func(t *testing.T) { props.Check(t, 500, values, c.RoundTrip) })
}
