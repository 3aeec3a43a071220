package props_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"

	"github.com/batpak-go/batpak/examples/bank"
	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/batpaktest"
	"github.com/batpak-go/batpak/runtime/wire"

	"github.com/batpak-go/batpak/props"
)

// statement is a generated stream of an account, and a place to cut it.
type statement struct {
	entries []entry
	cut     int
}

// entry is one event of an account.
type entry struct {
	kind   uint8
	amount int64
	day    int32
}

func statements() gopter.Gen {
	entries := gen.SliceOf(gopter.DeriveGen(
		func(kind uint8, amount int64, day int32) entry { return entry{kind, amount, day} },
		func(e entry) (uint8, int64, int32) { return e.kind, e.amount, e.day },
		gen.UInt8Range(0, 6), gen.Int64Range(0, 1000), gen.Int32Range(0, 3)))
	return gopter.DeriveGen(
		func(entries []entry, cut int) statement { return statement{entries, cut} },
		func(s statement) ([]entry, int) { return s.entries, s.cut },
		entries, gen.IntRange(0, maxCut))
}

// maxCut is more than a statement has entries.
const maxCut = 1000

// event is the entry as the store would give it: a deposit at any of the versions
// that its schema has had.
func (e entry) event(sequence int) batpak.Event {
	m := batpak.Meta{Sequence: uint64(sequence), Version: uint64(sequence), PayloadVersion: 1}
	switch e.kind {
	case 0:
		m.Kind = bank.KindAccountOpened
		return batpak.Event{Meta: m, Payload: bank.AccountOpened{Owner: "o"}.AppendBatpak(nil)}
	case 1:
		m.Kind, m.PayloadVersion = bank.KindMoneyDeposited, 3
		return batpak.Event{Meta: m, Payload: bank.MoneyDeposited{Amount: bank.Cents(e.amount)}.AppendBatpak(nil)}
	case 2:
		m.Kind = bank.KindMoneyWithdrawn
		return batpak.Event{Meta: m, Payload: bank.MoneyWithdrawn{Amount: bank.Cents(e.amount), Day: bank.Day(e.day)}.AppendBatpak(nil)}
	case 3:
		m.Kind = bank.KindAccountFrozen
		return batpak.Event{Meta: m, Payload: bank.AccountFrozen{By: "b"}.AppendBatpak(nil)}
	case 4:
		m.Kind = bank.KindMoneyDeposited
		payload := wire.AppendString(wire.AppendStruct(nil, 1), "amount")
		return batpak.Event{Meta: m, Payload: wire.AppendString(payload, strconv.FormatInt(e.amount, 10))}
	case 5:
		m.Kind, m.PayloadVersion = bank.KindMoneyDeposited, 2
		payload := wire.AppendInt(wire.AppendString(wire.AppendStruct(nil, 2), "amount"), e.amount)
		return batpak.Event{Meta: m, Payload: wire.AppendString(wire.AppendString(payload, "source"), "cash:")}
	}
	m.Kind = bank.KindAccountFlagged
	return batpak.Event{Meta: m, Payload: bank.AccountFlagged{Rule: "r"}.AppendBatpak(nil)}
}

func (s statement) events() []batpak.Event {
	all := make([]batpak.Event, len(s.entries))
	for i, e := range s.entries {
		all[i] = e.event(i + 1)
	}
	return all
}

// LAW08: folding a part of a stream and then the rest is folding all of it.
func TestLaw08FoldMayBeSplit(t *testing.T) {
	t.Parallel()
	t.Run("balance", func(t *testing.T) {
		props.Check(t, 200, statements(), func(s statement) error {
			return props.FoldSplit(bank.FoldBalance, s.events(), s.cut)
		})
	})
	t.Run("saved", func(t *testing.T) {
		props.Check(t, 200, statements(), func(s statement) error {
			return props.SaveSplit(balances, bank.FoldBalance, s.events(), s.cut)
		})
	})
	t.Run("activity", func(t *testing.T) {
		props.Check(t, 200, statements(), func(s statement) error {
			return props.FoldSplit(bank.FoldActivity, s.events(), s.cut)
		})
	})
}

// LAW08: what a journal projects is the fold of the events of its stream, before
// the store is closed and after.
func TestLaw08ProjectionIsTheFold(t *testing.T) {
	t.Parallel()
	props.Check(t, 60, statements(), func(st statement) error {
		disk := batpaktest.NewDisk()
		s, err := disk.Open(nil)
		if err != nil {
			return err
		}
		defer func() { s.Close() }()
		const id = "acc"
		var want bank.Balance
		for i, e := range st.entries {
			event := e.event(i + 1)
			if err := bank.FoldBalance(&want, event); err != nil {
				return err
			}
			_, err := s.Append(t.Context(), batpak.Draft{
				Coordinate: batpak.Coordinate{Entity: "account:" + id, Scope: "ledger"},
				Kind:       event.Kind, PayloadVersion: event.PayloadVersion, Payload: event.Payload,
			})
			if err != nil {
				return err
			}
		}
		for range 2 {
			j, err := bank.Bind(s)
			if err != nil {
				return err
			}
			got, err := j.Balance(t.Context(), id)
			if err != nil || got.State != want || got.Version != uint64(len(st.entries)) {
				return fmt.Errorf("balance = %+v, %v, want %+v at version %d", got, err, want, len(st.entries))
			}
			if err := s.Close(); err != nil {
				return err
			}
			if s, err = disk.Open(nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// LAW08: a state that was saved anywhere, and resumed, before the store is closed or
// after, is the fold of all events.
func TestLaw08SavedStatesResume(t *testing.T) {
	t.Parallel()
	props.Check(t, 60, statements(), func(st statement) error {
		disk := batpaktest.NewDisk()
		s, err := disk.Open(nil)
		if err != nil {
			return err
		}
		defer func() { s.Close() }()
		const id = "acc"
		var saved []byte
		for i, e := range st.entries {
			event := e.event(i + 1)
			_, err := s.Append(t.Context(), batpak.Draft{
				Coordinate: batpak.Coordinate{Entity: "account:" + id, Scope: "ledger"},
				Kind:       event.Kind, PayloadVersion: event.PayloadVersion, Payload: event.Payload,
			})
			if err != nil {
				return err
			}
			if i != st.cut%len(st.entries) {
				continue
			}
			if _, saved, err = balanceFrom(t.Context(), s, id, nil); err != nil {
				return err
			}
		}
		for range 2 {
			want, err := balanceOf(t.Context(), s, id)
			if err != nil {
				return err
			}
			got, _, err := balanceFrom(t.Context(), s, id, saved)
			if err != nil || got != want {
				return fmt.Errorf("balance from a saved state = %+v, %v, want %+v", got, err, want)
			}
			if err := s.Close(); err != nil {
				return err
			}
			if s, err = disk.Open(nil); err != nil {
				return err
			}
		}
		return nil
	})
}

func balanceOf(ctx context.Context, s *batpak.Store, id bank.AccountID) (batpak.Folded[bank.Balance], error) {
	j, err := bank.Bind(s)
	if err != nil {
		return batpak.Folded[bank.Balance]{}, err
	}
	return j.Balance(ctx, id)
}

func balanceFrom(ctx context.Context, s *batpak.Store, id bank.AccountID, saved []byte) (batpak.Folded[bank.Balance], []byte, error) {
	j, err := bank.Bind(s)
	if err != nil {
		return batpak.Folded[bank.Balance]{}, nil, err
	}
	return j.BalanceFrom(ctx, id, saved)
}

// balances is the codec of the bank's balances.
var balances = batpak.StateCodec[bank.Balance]{
	Append: bank.Balance.AppendBatpak, Decode: (*bank.Balance).DecodeBatpak,
}

// The law notices a codec that loses something, and a state that is not whole.
func TestLaw08NoticesWhatIsNotSaved(t *testing.T) {
	t.Parallel()
	events := statement{entries: []entry{{0, 0, 0}, {1, 5, 0}, {2, 3, 1}, {1, 7, 0}}}.events()
	for cut := range 6 {
		if err := props.SaveSplit(balances, bank.FoldBalance, events, cut-1); err != nil {
			t.Errorf("SaveSplit of the bank's balance at %d = %v, want nil", cut-1, err)
		}
	}
	forgetful := balances
	forgetful.Decode = func(b *bank.Balance, src []byte) error {
		err := b.DecodeBatpak(src)
		b.Open = false
		return err
	}
	if props.SaveSplit(forgetful, bank.FoldBalance, events, 2) == nil {
		t.Error("SaveSplit of a codec that forgets a field = nil, want an error")
	}
	partial := balances
	partial.Append = func(b bank.Balance, dst []byte) []byte {
		b.Available = 0
		return b.AppendBatpak(dst)
	}
	high := func(b *bank.Balance, e batpak.Event) error { // depends on what partial leaves out
		err := bank.FoldBalance(b, e)
		b.Frozen = b.Frozen || b.Available > 6
		return err
	}
	if props.SaveSplit(partial, high, events, 2) == nil {
		t.Error("SaveSplit of a state that keeps a part to itself = nil, want an error")
	}
	refusing := balances
	refusing.Check = func(bank.Balance) error { return context.Canceled }
	if props.SaveSplit(refusing, bank.FoldBalance, events, 2) == nil {
		t.Error("SaveSplit of a state that cannot be saved = nil, want an error")
	}
}

// The law notices state outside of the state, and memory that is kept.
func TestLaw08NoticesWhatFoldsMustNotDo(t *testing.T) {
	t.Parallel()
	events := statement{entries: []entry{{1, 5, 0}, {2, 3, 1}, {1, 7, 0}}}.events()
	calls := 0
	hidden := func(n *int, _ batpak.Event) error {
		calls++
		*n = calls
		return nil
	}
	if props.FoldSplit(hidden, events, 1) == nil {
		t.Error("FoldSplit of a fold that counts its calls = nil, want an error")
	}
	scribble := func(_ *int, e batpak.Event) error {
		e.Payload[0] = 0
		return nil
	}
	if props.FoldSplit(scribble, events, 1) == nil {
		t.Error("FoldSplit of a fold that writes to the payload = nil, want an error")
	}
	keeps := func(s *[][]byte, e batpak.Event) error {
		*s = append(*s, e.Payload)
		return nil
	}
	if props.FoldSplit(keeps, events, 1) == nil {
		t.Error("FoldSplit of a fold that keeps the payload = nil, want an error")
	}
}
