package payload_test

import (
	"testing"

	"github.com/batpak-go/batpak/schema/payload"
)

func TestSnakeCase(t *testing.T) {
	for in, want := range map[string]string{
		"ID": "id", "OpenedAt": "opened_at", "HTTPCode": "http_code", "UserID": "user_id", "A": "a", "AB": "ab",
		"X509Cert": "x509_cert", "Sha256Sum": "sha256_sum", "V2": "v2", "Snake_Case": "snake_case", "ÄnderungAm": "änderung_am",
	} {
		if got := payload.SnakeCase(in); got != want {
			t.Errorf("snakeCase(%s) = %s, want %s", in, got, want)
		}
	}
}

// FuzzParseTag: whatever the tag, parsing it does not panic, and what is stored
// is stored under a valid name.
func FuzzParseTag(f *testing.F) {
	for _, tag := range []string{``, `bat:"a"`, `bat:"a,optional"`, `bat:"-"`, `bat:a`, `json:"x" bat:",optional"`, `bat:"`, `bat:",,"`, `bat:"É"`} {
		f.Add("Field", tag)
	}
	f.Fuzz(func(t *testing.T, field, tag string) {
		wire, skip, err := payload.StoredAs(field, tag)
		if err == nil && !skip && !payload.ValidWire(wire) {
			t.Errorf("storedAs(%q, %q) = %q, want a valid wire name", field, tag, wire)
		}
	})
}

func TestValidWire(t *testing.T) {
	long := make([]byte, payload.MaxWire+1)
	for i := range long {
		long[i] = 'a'
	}
	for in, want := range map[string]bool{
		"a": true, "a_1": true, "a__": true, string(long[1:]): true,
		"": false, "_a": false, "1a": false, "A": false, "a-b": false, "a b": false, "é": false, string(long): false,
	} {
		if got := payload.ValidWire(in); got != want {
			t.Errorf("validWire(%q) = %v, want %v", in, got, want)
		}
	}
}

func TestImportable(t *testing.T) {
	const shop = "example.com/app/shop"
	for path, want := range map[string]bool{
		"time":                               true,
		"example.com/other":                  true,
		"example.com/internals/x":            true,
		"example.com/app/internal":           true,
		"example.com/app/internal/x":         true,
		"example.com/app/shop/internal/x":    true,
		"example.com/app/sho/internal/x":     false,
		"example.com/app/shop/cart/internal": false,
		"example.com/internal/x/internal/y":  false,
		"internal/poll":                      false,
		"net/internal/socktest":              false,
	} {
		if got := payload.Importable(path, shop); got != want {
			t.Errorf("Importable(%q, %q) = %t, want %t", path, shop, got, want)
		}
	}
}
