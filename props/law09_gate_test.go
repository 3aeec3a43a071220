package props_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"

	"github.com/batpak-go/batpak/examples/bank"
	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/batpaktest"

	"github.com/batpak-go/batpak/props"
)

// request is a generated withdrawal.
type request struct {
	deposit int64
	frozen  bool
	amount  int64
	limit   int64
}

func requests() gopter.Gen {
	return gopter.DeriveGen(
		func(deposit int64, frozen bool, amount, limit int64) request {
			return request{deposit, frozen, amount, limit}
		},
		func(r request) (int64, bool, int64, int64) { return r.deposit, r.frozen, r.amount, r.limit },
		gen.Int64Range(0, 100), gen.Bool(), gen.Int64Range(-10, 120), gen.Int64Range(0, 120))
}

// LAW09: the gates of a command give the same verdicts when asked again, asking
// moves nothing, and the verdicts are those that are stored.
func TestLaw09VerdictsRepeat(t *testing.T) {
	t.Parallel()
	props.Check(t, 150, requests(), func(r request) error {
		s, err := batpaktest.NewDisk().Open(nil)
		if err != nil {
			return err
		}
		defer s.Close()
		j, err := bank.Bind(s)
		if err != nil {
			return err
		}
		const id = "acc"
		if _, err := j.AppendMoneyDeposited(t.Context(), id, bank.MoneyDeposited{Amount: bank.Cents(r.deposit)}); err != nil {
			return err
		}
		if r.frozen {
			if _, err := j.AppendAccountFrozen(t.Context(), id, bank.AccountFrozen{}); err != nil {
				return err
			}
		}
		before := s.Frontier()
		e := bank.MoneyWithdrawn{Amount: bank.Cents(r.amount)}
		permit, err := j.ProposeWithdraw(t.Context(), id, e, bank.Cents(r.limit))
		verdicts := verdictsOf(permit, err)
		allowed := !r.frozen && r.amount > 0 && r.amount <= r.deposit && r.amount <= r.limit
		if (err == nil) != allowed || !allowed && !errors.Is(err, batpak.ErrDenied) {
			return fmt.Errorf("propose = %v, want a permit: %v", err, allowed)
		}
		if allowed && !reflect.DeepEqual(verdicts, []batpak.Verdict{{Gate: "not-frozen"}, {Gate: "sufficient-funds"}, {Gate: "daily-limit"}}) {
			return fmt.Errorf("verdicts = %v, want all three gates to pass", verdicts)
		}
		again, err2 := j.ProposeWithdraw(t.Context(), id, e, bank.Cents(r.limit))
		if !reflect.DeepEqual(verdictsOf(again, err2), verdicts) || fmt.Sprint(err2) != fmt.Sprint(err) {
			return fmt.Errorf("verdicts the second time = %v, %v, want %v, %v", verdictsOf(again, err2), err2, verdicts, err)
		}
		if after := s.Frontier(); after != before {
			return fmt.Errorf("asking moved the store from %+v to %+v", before, after)
		}
		if err != nil {
			return nil
		}
		receipt, err := j.CommitWithdraw(t.Context(), permit)
		if err != nil {
			return err
		}
		stored, err := s.Get(receipt.ID())
		if err != nil || stored.Decision == nil || !reflect.DeepEqual(stored.Decision.Verdicts, verdicts) {
			return fmt.Errorf("stored decision = %+v, %v, want the verdicts %v", stored.Decision, err, verdicts)
		}
		return nil
	})
}

// verdictsOf is what the gates said, whether they passed or denied.
func verdictsOf(p batpak.Permit[bank.MoneyWithdrawn], err error) []batpak.Verdict {
	if d, ok := errors.AsType[*batpak.DeniedError](err); ok {
		return d.Verdicts
	}
	return p.Verdicts()
}

// The law notices gates that are not pure.
func TestLaw09NoticesImpureGates(t *testing.T) {
	t.Parallel()
	type order struct{ lines []string }
	build := func() order { return order{lines: []string{"a", "b"}} }
	asked := 0
	for name, eval := range map[string]func(order) *batpak.Denial{
		"counts": func(order) *batpak.Denial {
			if asked++; asked > 1 {
				return batpak.Deny("TWICE", "asked before")
			}
			return nil
		},
		"modifies": func(o order) *batpak.Denial {
			o.lines[0] = "x"
			return nil
		},
	} {
		if props.GateRepeats([]batpak.Gate[order]{{Name: name, Eval: eval}}, build) == nil {
			t.Errorf("GateRepeats of a gate that %s = nil, want an error", name)
		}
	}
	pure := []batpak.Gate[order]{
		{Name: "passes", Eval: func(order) *batpak.Denial { return nil }},
		{Name: "panics", Eval: func(o order) *batpak.Denial { panic(o.lines[2]) }},
	}
	if err := props.GateRepeats(pure, build); err != nil {
		t.Errorf("GateRepeats of pure gates = %v, want nil", err)
	}
}
