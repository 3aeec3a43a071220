package bank_test

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/examples/bank"
	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/wire"
)

// depositV1 and depositV2 are deposits as earlier versions of the schema stored
// them.
func depositV1(amount string) []byte {
	return wire.AppendString(wire.AppendString(wire.AppendStruct(nil, 1), "amount"), amount)
}

func depositV2(amount int64, source string) []byte {
	src := wire.AppendInt(wire.AppendString(wire.AppendStruct(nil, 2), "amount"), amount)
	return wire.AppendString(wire.AppendString(src, "source"), source)
}

// store appends a deposit as a payload version has it.
func store(t *testing.T, j *bank.Journal, version uint16, payload []byte) batpak.Receipt {
	t.Helper()
	receipt, err := j.Store().Append(t.Context(), batpak.Draft{
		Coordinate: j.AccountCoordinate(id), Kind: bank.KindMoneyDeposited, PayloadVersion: version, Payload: payload,
	})
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

// Deposits of all versions add up, and what is stored stays as it was.
func TestOldDepositsAreLifted(t *testing.T) {
	j := newJournal(t)
	old := [][]byte{depositV1("100"), depositV2(20, "transfer:acc-7")}
	for i, payload := range old {
		store(t, j, uint16(i+1), payload)
	}
	deposit(t, j, 3)
	balance, err := j.Balance(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if balance.State.Available != 123 || balance.Version != 3 {
		t.Errorf("Balance() = %d at version %d, want 123 at 3", balance.State.Available, balance.Version)
	}
	want := []bank.MoneyDeposited{
		{Amount: 100, Source: bank.Source{Kind: "unknown"}},
		{Amount: 20, Source: bank.Source{Kind: "transfer", Ref: "acc-7"}},
		{Amount: 3},
	}
	var got []bank.MoneyDeposited
	for e, err := range j.Store().Events(batpak.Query{Kinds: []batpak.Kind{bank.KindMoneyDeposited}}) {
		if err != nil {
			t.Fatal(err)
		}
		deposit, err := bank.DecodeMoneyDeposited(e)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, deposit.Payload)
		if i := len(got); i <= len(old) && (!bytes.Equal(e.Payload, old[i-1]) || int(deposit.PayloadVersion) != i) {
			t.Errorf("event %d is stored as %x at version %d, want %x at %d", i, e.Payload, deposit.PayloadVersion, old[i-1], i)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("deposits differ (-want +got):\n%s", d)
	}
}

// A deposit of a later version, or one that no upcast takes, stops the fold with
// an error that says which.
func TestDepositsThatCannotBeLifted(t *testing.T) {
	for name, c := range map[string]struct {
		version uint16
		payload []byte
		as      func(error) bool
	}{
		"later version": {4, bank.MoneyDeposited{}.AppendBatpak(nil), func(err error) bool {
			v, ok := errors.AsType[*batpak.VersionError](err)
			return ok && v.Found == 4 && v.Known == 3
		}},
		"no number": {1, depositV1("ten"), func(err error) bool {
			u, ok := errors.AsType[*batpak.UpcastError](err)
			return ok && u.From == 1 && errors.Is(err, strconv.ErrSyntax)
		}},
		"no source": {2, depositV2(1, "cash"), func(err error) bool {
			u, ok := errors.AsType[*batpak.UpcastError](err)
			return ok && u.From == 2
		}},
	} {
		t.Run(name, func(t *testing.T) {
			j := newJournal(t)
			deposit(t, j, 100)
			receipt := store(t, j, c.version, slices.Clone(c.payload))
			_, err := j.Balance(t.Context(), id)
			d, ok := errors.AsType[*batpak.DecodeError](err)
			if !ok || d.Sequence != receipt.Sequence() || d.PayloadVersion != c.version || !c.as(err) {
				t.Errorf("Balance() = %v, want the error of event %d", err, receipt.Sequence())
			}
		})
	}
}
