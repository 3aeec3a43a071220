package props_test

import (
	"math"
	"testing"

	"github.com/leanovate/gopter"

	"github.com/batpak-go/batpak/props"
	"github.com/batpak-go/batpak/runtime/wire"
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

// A NaN equals nothing, and yet survives its encoding.
func TestLaw01BearsWithNaN(t *testing.T) {
	t.Parallel()
	type rate struct{ of float64 }
	codec := props.Codec[rate]{
		Append: func(v rate, dst []byte) []byte { return wire.AppendFloat64(dst, v.of) },
		Decode: func(v *rate, src []byte) error {
			d := wire.NewDecoder(src)
			v.of = d.Float64()
			return d.Finish()
		},
	}
	if err := codec.RoundTrip(rate{math.NaN()}); err != nil {
		t.Errorf("RoundTrip(NaN) = %v, want nil", err)
	}
	if err := codec.Canonical(wire.AppendFloat64(nil, math.NaN())); err != nil {
		t.Errorf("Canonical(NaN) = %v, want nil", err)
	}
	codec.Decode = func(*rate, []byte) error { return nil }
	if codec.RoundTrip(rate{1}) == nil {
		t.Error("RoundTrip of a decoder that does nothing = nil, want an error")
	}
}
