package batpak_test

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
)

func TestIDTextRoundTrip(t *testing.T) {
	for range 1000 {
		var id batpak.ID
		rand.Read(id[:])
		got, err := batpak.ParseID(id.String())
		if err != nil || got != id {
			t.Fatalf("ParseID(%q) = %v, %v", id.String(), got, err)
		}
	}
	for _, s := range []string{"", "x", "01234567-89ab-cdef-0123-456789abcde", "01234567-89ab-cdef-0123-456789abcdeg", "0123456789ab-cdef--0123-456789abcdef"} {
		if id, err := batpak.ParseID(s); err == nil {
			t.Errorf("ParseID(%q) = %v, want an error", s, id)
		}
	}
}

func TestKindParts(t *testing.T) {
	k := batpak.KindOf(0x1, 0x02A)
	if k != 0x102A || k.Category() != 1 || k.Type() != 0x02A || k.Reserved() || k.String() != "0x1/0x02a" {
		t.Errorf("KindOf(1, 0x2a) = %#x: category %d, type %#x, reserved %v, %q", uint16(k), k.Category(), k.Type(), k.Reserved(), k)
	}
	for _, c := range []uint16{0x0, 0xD} {
		if !batpak.KindOf(c, 1).Reserved() {
			t.Errorf("category %#x is not reserved", c)
		}
	}
}

// FuzzCoordinate holds the rule for names against its definition, letter by
// letter.
func FuzzCoordinate(f *testing.F) {
	for _, s := range []string{"account:1", "a/b", "a..b", "a=b", "a|b", ":", "", "\x00", "é", "\xff", "a\u0085b", strings.Repeat("x", batpak.MaxName+1)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		err := batpak.Coordinate{Entity: "e", Scope: s}.Validate()
		bad := s == "" || len(s) > batpak.MaxName || strings.ToValidUTF8(s, "") != s || strings.Contains(s, "..") ||
			strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7F && r < 0xA0 || strings.ContainsRune("/|=", r) })
		if bad != errors.Is(err, batpak.ErrInvalid) {
			t.Errorf("Validate(scope %q) = %v, want refused: %v", s, err, bad)
		}
		err = batpak.Coordinate{Entity: s, Scope: "s"}.Validate()
		bad = bad || s[0] == ':' || s[len(s)-1] == ':'
		if bad != errors.Is(err, batpak.ErrInvalid) {
			t.Errorf("Validate(entity %q) = %v, want refused: %v", s, err, bad)
		}
	})
}

func TestErrorsHaveStableCodes(t *testing.T) {
	for code, err := range map[string]interface {
		error
		Code() string
	}{
		"invalid-coordinate": &batpak.CoordinateError{},
		"invalid-argument":   &batpak.ArgumentError{},
		"too-large":          &batpak.LimitError{},
		"conflict":           &batpak.ConflictError{},
		"key-reused":         &batpak.KeyReusedError{},
		"outcome-unknown":    &batpak.OutcomeUnknownError{Cause: errors.New("x")},
		"poisoned":           &batpak.PoisonedError{Cause: errors.New("x")},
		"corrupt":            &batpak.CorruptError{},
		"newer-format":       &batpak.FormatError{},
		"decode":             &batpak.DecodeError{Err: errors.New("x")},
		"payload-version":    &batpak.VersionError{},
		"unhandled-kind":     &batpak.UnhandledError{},
		"kind-taken":         &batpak.BindError{},
	} {
		if got := err.Code(); got != code {
			t.Errorf("%T.Code() = %q, want %q", err, got, code)
		}
		if !strings.HasPrefix(err.Error(), "batpak: ") {
			t.Errorf("%T says %q, want the prefix of this package", err, err.Error())
		}
	}
}
