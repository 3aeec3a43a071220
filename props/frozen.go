package props

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
)

// Frozen holds what was frozen of an event, in testdata/batpak, to [Thaw]. It is
// skipped if no version of the event was released. Generated tests call it.
func Frozen[T any](t *testing.T, kind batpak.Kind, version uint16,
	decode func(batpak.Event) (batpak.Stored[T], error), encode func(v T, dst []byte) []byte,
) {
	t.Helper()
	prefix := fmt.Sprintf("testdata/batpak/%x_%03x__v", uint16(kind)>>12, uint16(kind)&0xFFF)
	names, err := filepath.Glob(filepath.FromSlash(prefix + "*.hex"))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Skip("no version of the event was released")
	}
	for _, name := range names {
		number := strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(name), prefix), ".hex")
		stored, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			t.Errorf("%s: %q is no version", name, number)
			continue
		}
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		e := batpak.Event{Meta: batpak.Meta{Kind: kind, PayloadVersion: uint16(stored)}}
		refused, err := Thaw(file, e, version, decode, encode)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if refused > 0 {
			t.Logf("%s: upcasts refused %d payloads, which is up to them", name, refused)
		}
	}
}

// Thaw holds that the payloads of a released version are read for ever: each
// decodes as the event e, which has its kind and version, and one of the current
// version encodes to the same bytes again. File is what batpakgen froze when the
// version was released. An upcast may refuse a payload with a
// [*batpak.UpcastError], since the values are made up; it says how many were.
func Thaw[T any](file []byte, e batpak.Event, version uint16,
	decode func(batpak.Event) (batpak.Stored[T], error), encode func(v T, dst []byte) []byte,
) (refused int, err error) {
	payloads := 0
	for line := range strings.Lines(string(file)) {
		columns := strings.Fields(line)
		if len(columns) == 0 || columns[0] == "#" {
			continue
		}
		if len(columns) != 3 {
			return refused, fmt.Errorf("line %q is not a fingerprint, a name and a payload", line)
		}
		name := columns[0] + " " + columns[1]
		if e.Payload, err = hex.DecodeString(columns[2]); err != nil {
			return refused, fmt.Errorf("payload %s: %w", name, err)
		}
		payloads++
		stored, err := decode(e)
		if _, upcast := errors.AsType[*batpak.UpcastError](err); upcast {
			refused++
			continue
		}
		if err != nil {
			return refused, fmt.Errorf("payload %s, %x: %w", name, e.Payload, err)
		}
		if again := encode(stored.Payload, nil); e.PayloadVersion == version && !bytes.Equal(again, e.Payload) {
			return refused, fmt.Errorf("payload %s, %x, encodes as %x again", name, e.Payload, again)
		}
	}
	if payloads == 0 {
		return 0, errors.New("the file holds no payload")
	}
	return refused, nil
}
