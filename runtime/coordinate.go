package batpak

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxName is the longest entity, scope or idempotency key in bytes.
const MaxName = 1024

// Coordinate is the place of an event: the entity whose stream it belongs to,
// and the scope it is filed under. Stream version, hash chain and projections
// belong to the entity alone; one entity may have events in several scopes.
type Coordinate struct {
	Entity string
	Scope  string
}

// Validate reports the first rule the coordinate breaks as a
// [*CoordinateError]: both names are 1 to [MaxName] bytes of valid UTF-8
// without control characters, without any of "/", "|", "=", and without "..";
// an entity neither begins nor ends with ":", which would be a prefix without
// an id or an id without a prefix.
func (c Coordinate) Validate() error {
	if reason := checkName(c.Entity); reason != "" {
		return &CoordinateError{Field: "entity", Value: c.Entity, Reason: reason}
	}
	if c.Entity[0] == ':' || c.Entity[len(c.Entity)-1] == ':' {
		return &CoordinateError{Field: "entity", Value: c.Entity, Reason: "begins or ends with ':', so its prefix or its id is empty"}
	}
	if reason := checkName(c.Scope); reason != "" {
		return &CoordinateError{Field: "scope", Value: c.Scope, Reason: reason}
	}
	return nil
}

// checkName returns why s may not be stored as a name, or "".
func checkName(s string) string {
	if plain(s) {
		return ""
	}
	switch {
	case s == "":
		return "is empty"
	case len(s) > MaxName:
		return fmt.Sprintf("is %d bytes long, the limit is %d", len(s), MaxName)
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	case strings.Contains(s, ".."):
		return `contains ".."`
	}
	for i, r := range s {
		if r < 0x20 || r >= 0x7F && r < 0xA0 {
			return fmt.Sprintf("contains the control character %U at byte %d", r, i)
		}
		if r == '/' || r == '|' || r == '=' {
			return fmt.Sprintf("contains %q at byte %d", r, i)
		}
	}
	return ""
}

// plain reports whether nothing need be looked at twice to store s as a name.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7F || c == '/' || c == '|' || c == '=' || c == '.' {
			return false
		}
	}
	return len(s) > 0 && len(s) <= MaxName
}
