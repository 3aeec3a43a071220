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
	cause := errors.New("x")
	for code, c := range map[string]struct {
		err interface {
			error
			Code() string
		}
		sentinel error // that it matches; nil = none
	}{
		"invalid-coordinate": {&batpak.CoordinateError{}, batpak.ErrInvalid},
		"invalid-argument":   {&batpak.ArgumentError{}, batpak.ErrInvalid},
		"kind-taken":         {&batpak.BindError{}, batpak.ErrInvalid},
		"too-large":          {&batpak.LimitError{}, batpak.ErrTooLarge},
		"conflict":           {&batpak.ConflictError{}, batpak.ErrConflict},
		"key-reused":         {&batpak.KeyReusedError{}, batpak.ErrKeyReused},
		"outcome-unknown":    {&batpak.OutcomeUnknownError{Cause: cause}, batpak.ErrOutcomeUnknown},
		"poisoned":           {&batpak.PoisonedError{Cause: cause}, batpak.ErrPoisoned},
		"corrupt":            {&batpak.CorruptError{}, batpak.ErrCorrupt},
		"newer-format":       {&batpak.FormatError{}, batpak.ErrNewerFormat},
		"decode":             {&batpak.DecodeError{Err: cause}, cause},
		"payload-version":    {&batpak.VersionError{}, nil},
		"unhandled-kind":     {&batpak.UnhandledError{}, nil},
		"saved-state":        {&batpak.SavedError{}, nil},
		"upcast":             {&batpak.UpcastError{Err: cause}, cause},
		"tombstoned":         {&batpak.TombstoneError{}, batpak.ErrTombstoned},
		"locked":             {&batpak.LockedError{}, batpak.ErrLocked},
		"network-fs":         {&batpak.NetworkFSError{}, batpak.ErrNetworkFS},
	} {
		if got := c.err.Code(); got != code {
			t.Errorf("%T.Code() = %q, want %q", c.err, got, code)
		}
		if !strings.HasPrefix(c.err.Error(), "batpak: ") {
			t.Errorf("%T says %q, want the prefix of this package", c.err, c.err.Error())
		}
		if c.sentinel != nil && !errors.Is(c.err, c.sentinel) {
			t.Errorf("%T does not match %q", c.err, c.sentinel)
		}
	}
}

// What a person reads has to say what, where, and what to do.
func TestErrorsSayWhatWhereAndWhatToDo(t *testing.T) {
	cause, id := errors.New("disk on fire"), batpak.ID{15: 7}
	for _, c := range []struct {
		err  error
		want string
	}{
		{
			&batpak.CorruptError{File: "f", Offset: 96, FirstSequence: 5, Reason: "bad"},
			"batpak: store is damaged: f, offset 96, perhaps all from event 5 on: bad: put back a sound copy of the file",
		},
		{
			&batpak.CorruptError{File: "f", Offset: 96, FirstSequence: 5, LastSequence: 7, Reason: "bad"},
			"batpak: store is damaged: f, offset 96, events 5 to 7: bad: put back a sound copy of the file",
		},
		{
			&batpak.CorruptError{File: "f", FirstSequence: 5, LastSequence: 5, Reason: "bad"},
			"batpak: store is damaged: f, offset 0, event 5: bad: put back a sound copy of the file",
		},
		{
			&batpak.CorruptError{File: "f", FirstSequence: 5, LastSequence: 4, Reason: "bad"},
			"batpak: store is damaged: f, offset 0, no event: bad: put back a sound copy of the file",
		},
		{
			&batpak.CorruptError{File: "f", Reason: "gone"},
			"batpak: store is damaged: f, offset 0: gone: put back a sound copy of the file",
		},
		{&batpak.FormatError{File: "f", Found: 2, Supported: 1}, "batpak: f has format version 2, this build knows versions up to 1: use a newer build"},
		{&batpak.ConflictError{Entity: "e", Expected: 1, Actual: 2}, `batpak: conflict: stream "e" is at version 2, expected 1`},
		{
			&batpak.KeyReusedError{Key: "k", Sequence: 2, Differs: "payload"},
			`batpak: idempotency key "k" was used for something else: the payload of event 2 differs`,
		},
		{&batpak.ConflictError{Found: 9}, "batpak: conflict: event 9 matches the condition"},
		{&batpak.OutcomeUnknownError{Cause: cause, Key: "k"}, `batpak: outcome unknown (disk on fire): repeat the append with key "k" to learn it`},
		{
			&batpak.OutcomeUnknownError{Cause: cause, IDs: []batpak.ID{id}},
			"batpak: outcome unknown (disk on fire): look up event 00000000-0000-0000-0000-000000000007 to learn it",
		},
		{&batpak.PoisonedError{Cause: cause}, "batpak: writer is poisoned until the store is opened again: disk on fire"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%T says\n%s, want\n%s", c.err, got, c.want)
		}
	}
}

func TestDamageSaysWhereItIs(t *testing.T) {
	for want, d := range map[string]batpak.Damage{
		"f, offset 96: bad":                      {File: "f", Offset: 96, Reason: "bad"},
		"f, offset 96, no event: bad":            {File: "f", Offset: 96, Sequence: 5, LastSequence: 4, Reason: "bad"},
		`f, offset 96: event 5 of stream "e": x`: {File: "f", Offset: 96, Entity: "e", Sequence: 5, Reason: "x"},
	} {
		if got := d.String(); got != want {
			t.Errorf("String() = %q, want %q", got, want)
		}
	}
}

func TestHashText(t *testing.T) {
	var h batpak.Hash
	if !h.IsZero() {
		t.Error("IsZero() of the zero hash = false")
	}
	h[31] = 0xAB
	if want := strings.Repeat("00", 31) + "ab"; h.IsZero() || h.String() != want {
		t.Errorf("hash %v is zero: %v, want %s", h, h.IsZero(), want)
	}
	if got, want := (batpak.StoreID{0: 1}).String(), "01"+strings.Repeat("00", 15); got != want {
		t.Errorf("StoreID.String() = %q, want %q", got, want)
	}
}
