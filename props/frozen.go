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
	files, err := released(kind)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("no version of the event was released")
	}
	for _, file := range files {
		e := batpak.Event{Meta: batpak.Meta{Kind: kind, PayloadVersion: file.version}}
		refused, err := Thaw(file.text, e, version, decode, encode)
		if err != nil {
			t.Errorf("%s: %v", file.name, err)
		}
		if refused > 0 {
			t.Logf("%s: upcasts refused %d payloads, which is up to them", file.name, refused)
		}
	}
}

// release is what batpakgen froze when a version of an event was released.
type release struct {
	name    string
	version uint16
	text    []byte
}

// released reads what was frozen of an event, in testdata/batpak.
func released(kind batpak.Kind) ([]release, error) {
	prefix := fmt.Sprintf("testdata/batpak/%x_%03x__v", uint16(kind)>>12, uint16(kind)&0xFFF)
	names, err := filepath.Glob(filepath.FromSlash(prefix + "*.hex"))
	if err != nil {
		return nil, err
	}
	files := make([]release, 0, len(names))
	for _, name := range names {
		number := strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(name), prefix), ".hex")
		version, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("%s: %q is no version", name, number)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		files = append(files, release{name, uint16(version), text})
	}
	return files, nil
}

// frozenPayload is a line of such a file.
type frozenPayload struct {
	name  string // with the fingerprint of its shape
	bytes []byte
}

// payloads are the lines of a file. It may say that none could be made.
func payloads(text []byte) ([]frozenPayload, error) {
	var all []frozenPayload
	for line := range strings.Lines(string(text)) {
		columns := strings.Fields(line)
		if len(columns) == 0 || columns[0] == "#" {
			continue
		}
		if len(columns) != 3 {
			return nil, fmt.Errorf("line %q is not a fingerprint, a name and a payload", line)
		}
		name := columns[0] + " " + columns[1]
		b, err := hex.DecodeString(columns[2])
		if err != nil {
			return nil, fmt.Errorf("payload %s: %w", name, err)
		}
		all = append(all, frozenPayload{name, b})
	}
	if len(all) == 0 && !strings.Contains(string(text), " no payload") {
		return nil, errors.New("the file holds no payload")
	}
	return all, nil
}

// Thaw holds that the payloads of a released version are read for ever: each
// decodes as the event e, which has its kind and version, and one of the current
// version encodes to the same bytes again. File is what batpakgen froze when the
// version was released. An upcast may refuse a payload with a
// [*batpak.UpcastError], since the values are made up; it says how many were.
func Thaw[T any](file []byte, e batpak.Event, version uint16,
	decode func(batpak.Event) (batpak.Stored[T], error), encode func(v T, dst []byte) []byte,
) (refused int, err error) {
	all, err := payloads(file)
	if err != nil {
		return 0, err
	}
	for _, p := range all {
		e.Payload = p.bytes
		stored, err := decode(e)
		if _, upcast := errors.AsType[*batpak.UpcastError](err); upcast {
			refused++
			continue
		}
		if err != nil {
			return refused, fmt.Errorf("payload %s, %x: %w", p.name, p.bytes, err)
		}
		if again := encode(stored.Payload, nil); e.PayloadVersion == version && !bytes.Equal(again, p.bytes) {
			return refused, fmt.Errorf("payload %s, %x, encodes as %x again", p.name, p.bytes, again)
		}
	}
	return refused, nil
}
