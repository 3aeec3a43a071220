package props_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/examples/bank"
	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/wire"
	"github.com/batpak-go/batpak/schema/frozen"
	"github.com/batpak-go/batpak/schema/shape"

	"github.com/batpak-go/batpak/props"
)

// LAW13: what was frozen of a released version is read by every later one. The
// tests of the examples hold their own events to it; here is what the law notices.
func TestLaw13NoticesWhatIsNotRead(t *testing.T) {
	s, err := shape.Parse("{by:string;reason:string}")
	if err != nil {
		t.Fatal(err)
	}
	file := string(frozen.Grow(nil, uint16(bank.KindAccountFrozen), 1, s))
	thaw := func(file string, version uint16, decode func(batpak.Event) (batpak.Stored[bank.AccountFrozen], error)) (int, error) {
		e := batpak.Event{Meta: batpak.Meta{Kind: bank.KindAccountFrozen, PayloadVersion: version}}
		return props.Thaw([]byte(file), e, 1, decode, bank.AccountFrozen.AppendBatpak)
	}
	if refused, err := thaw(file, 1, bank.DecodeAccountFrozen); err != nil || refused > 0 {
		t.Errorf("Thaw(frozen payloads) = %d, %v, want 0, nil", refused, err)
	}
	forgets := func(e batpak.Event) (batpak.Stored[bank.AccountFrozen], error) {
		v, err := bank.DecodeAccountFrozen(e)
		v.Payload.Reason = ""
		return v, err
	}
	if _, err := thaw(file, 1, forgets); err == nil {
		t.Error("Thaw by a decoder that forgets a field = nil, want an error")
	}
	reordered := hex.EncodeToString(wire.AppendString(wire.AppendString(wire.AppendString(wire.AppendString(
		wire.AppendStruct(nil, 2), "reason"), "r"), "by"), "b"))
	for name, broken := range map[string]string{
		"nothing":             "",
		"a comment":           "# nothing\n",
		"half a line":         strings.Replace(file, " zero ", " ", 1),
		"no hexadecimal":      strings.Replace(file, " zero 82", " zero 8z", 1),
		"another field":       strings.Replace(file, hex.EncodeToString([]byte("reason")), hex.EncodeToString([]byte("season")), 1),
		"fields out of order": "x y " + reordered + "\n",
	} {
		if _, err := thaw(broken, 1, bank.DecodeAccountFrozen); err == nil {
			t.Errorf("Thaw(%s) = nil, want an error", name)
		}
	}
	none, err := shape.Parse("{by:codec(Name)}")
	if err != nil {
		t.Fatal(err)
	}
	if refused, err := thaw(string(frozen.Grow(nil, 0x1004, 1, none)), 1, bank.DecodeAccountFrozen); err != nil || refused > 0 {
		t.Errorf("Thaw(that no payload could be made) = %d, %v, want 0, nil", refused, err)
	}
	if _, err := thaw(file, 2, bank.DecodeAccountFrozen); err == nil {
		t.Error("Thaw of a later version = nil, want an error")
	}
}

// What an upcast makes of made-up values is its own affair, as long as it says so.
func TestLaw13LetsUpcastsRefuse(t *testing.T) {
	for version, text := range map[uint16]string{1: "{amount:string}", 2: "{amount:int64;source:string}"} {
		s, err := shape.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		e := batpak.Event{Meta: batpak.Meta{Kind: bank.KindMoneyDeposited, PayloadVersion: version}}
		file := frozen.Grow(nil, uint16(bank.KindMoneyDeposited), version, s)
		refused, err := props.Thaw(file, e, 3, bank.DecodeMoneyDeposited, bank.MoneyDeposited.AppendBatpak)
		if all := len(frozen.Samples(s)); err != nil || refused == all {
			t.Errorf("Thaw(%s) = %d of %d refused, %v, want fewer, nil", text, refused, all, err)
		}
		fails := func(e batpak.Event) (batpak.Stored[bank.MoneyDeposited], error) {
			return batpak.Stored[bank.MoneyDeposited]{}, fmt.Errorf("decode: %w", &batpak.UpcastError{From: 1, Err: errors.New("no")})
		}
		refused, err = props.Thaw(file, e, 3, fails, bank.MoneyDeposited.AppendBatpak)
		if err != nil || refused != len(frozen.Samples(s)) {
			t.Errorf("Thaw by upcasts that refuse all = %d, %v, want all, nil", refused, err)
		}
	}
}
