package props_test

import (
	"time"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"

	"github.com/batpak-go/batpak/examples/bank"

	"github.com/batpak-go/batpak/props"
)

// The codecs of the example's payloads.
var (
	openedCodec    = props.Codec[bank.AccountOpened]{Append: bank.AccountOpened.AppendBatpak, Decode: (*bank.AccountOpened).DecodeBatpak}
	depositedCodec = props.Codec[bank.MoneyDeposited]{Append: bank.MoneyDeposited.AppendBatpak, Decode: (*bank.MoneyDeposited).DecodeBatpak}
	withdrawnCodec = props.Codec[bank.MoneyWithdrawn]{Append: bank.MoneyWithdrawn.AppendBatpak, Decode: (*bank.MoneyWithdrawn).DecodeBatpak}
	frozenCodec    = props.Codec[bank.AccountFrozen]{Append: bank.AccountFrozen.AppendBatpak, Decode: (*bank.AccountFrozen).DecodeBatpak}
	flaggedCodec   = props.Codec[bank.AccountFlagged]{Append: bank.AccountFlagged.AppendBatpak, Decode: (*bank.AccountFlagged).DecodeBatpak}
)

// Seconds since 1970 of the first moment of year 1 and the last of year 9999.
const (
	firstSecond = -62135596800
	lastSecond  = 253402300799
)

// The generators of the example's payloads. Each maps basic values to a payload
// and back, so that counterexamples shrink.

func accountsOpened() gopter.Gen {
	return gopter.DeriveGen(
		func(owner, currency string, seconds, nanos int64) bank.AccountOpened {
			return bank.AccountOpened{Owner: owner, Currency: currency, OpenedAt: time.Unix(seconds, nanos).UTC()}
		},
		func(v bank.AccountOpened) (string, string, int64, int64) {
			return v.Owner, v.Currency, v.OpenedAt.Unix(), int64(v.OpenedAt.Nanosecond())
		},
		gen.AnyString(), gen.AnyString(),
		gen.OneGenOf(gen.Int64Range(firstSecond, lastSecond), gen.Int64Range(-10, 10), gen.Int64Range(1<<32-5, 1<<32+5), gen.Int64Range(1<<34-5, 1<<34+5)),
		gen.OneGenOf(gen.Int64Range(0, 999_999_999), gen.Const(int64(0))))
}

func moneyDeposited() gopter.Gen {
	return gopter.DeriveGen(
		func(amount int64, kind, ref, memo string) bank.MoneyDeposited {
			return bank.MoneyDeposited{Amount: bank.Cents(amount), Source: bank.Source{Kind: kind, Ref: ref}, Memo: memo}
		},
		func(v bank.MoneyDeposited) (int64, string, string, string) {
			return int64(v.Amount), v.Source.Kind, v.Source.Ref, v.Memo
		},
		wholes(), gen.AnyString(), gen.AlphaString(), gen.OneGenOf(gen.AnyString(), gen.Const("")))
}

func moneyWithdrawn() gopter.Gen {
	return gopter.DeriveGen(
		func(amount int64, day int32, reason string) bank.MoneyWithdrawn {
			return bank.MoneyWithdrawn{Amount: bank.Cents(amount), Day: bank.Day(day), Reason: reason}
		},
		func(v bank.MoneyWithdrawn) (int64, int32, string) { return int64(v.Amount), int32(v.Day), v.Reason },
		wholes(), gen.Int32(), gen.AnyString())
}

func accountsFrozen() gopter.Gen {
	return gopter.DeriveGen(
		func(by, reason string) bank.AccountFrozen { return bank.AccountFrozen{By: by, Reason: reason} },
		func(v bank.AccountFrozen) (string, string) { return v.By, v.Reason },
		gen.AnyString(), gen.AnyString())
}

func accountsFlagged() gopter.Gen {
	return gopter.DeriveGen(
		func(rule string, score uint32) bank.AccountFlagged {
			return bank.AccountFlagged{Rule: rule, Score: score}
		},
		func(v bank.AccountFlagged) (string, uint32) { return v.Rule, v.Score },
		gen.AnyString(), gen.UInt32())
}

// wholes are numbers of all sizes that an encoding may distinguish.
func wholes() gopter.Gen {
	return gen.OneGenOf(gen.Int64(), gen.Int64Range(-200, 300), gen.Int64Range(-33000, -32000), gen.Int64Range(65000, 66000),
		gen.Int64Range(-1<<31-3, -1<<31+3), gen.Int64Range(1<<32-3, 1<<32+3))
}
