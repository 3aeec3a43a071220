package check

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits in bytes. A prefix leaves most of an entity's name, which has 1024 bytes
// at most, to the id.
const (
	maxPrefix = 255
	maxScope  = 1024
)

// entityBP201: prefixes are well-formed and belong to one entity of the run, or
// two families would share their streams; scopes are names that the store takes.
func entityBP201(c *checker) {
	prefixes := make(unique[string])
	for _, pkg := range c.all {
		for _, en := range pkg.Entities {
			if !prefixPattern.MatchString(en.Prefix) {
				if pkg == c.pkg && (en.Prefix != "" || !unread(en.Decl, "Prefix")) {
					c.add(given(en.Decl, "Prefix"), "BP201", "entity prefix %q of %s must match [a-z][a-z0-9-]*", en.Prefix, en.Var)
				}
				continue
			}
			name := en.Var
			if pkg != c.pkg {
				name = pkg.Name + "." + name
			}
			first, taken := prefixes.take(en.Prefix, holder{name, en.Pos})
			if taken && pkg == c.pkg {
				c.addRelated(given(en.Decl, "Prefix"), first.related(), "BP201", "prefix %q is already used by %s", en.Prefix, first.name)
			}
		}
	}
	for _, en := range c.pkg.Entities {
		if len(en.Prefix) > maxPrefix {
			c.add(given(en.Decl, "Prefix"), "BP201", "entity prefix of %s is longer than %d bytes", en.Var, maxPrefix)
		}
		if reason := badScope(en.Scope); reason != "" {
			c.add(given(en.Decl, "Scope"), "BP201", "scope %q of %s %s", en.Scope, en.Var, reason)
		}
	}
}

// entityBP202: an id type names one entity, or ids of one family could be used
// for the other.
func entityBP202(c *checker) {
	ids := make(unique[[2]string])
	for _, en := range c.pkg.Entities {
		if en.Broken {
			continue
		}
		if first, taken := ids.take([2]string{en.ID.Path, en.ID.Name}, holder{en.Var, en.Pos}); taken {
			c.addRelated(en.Pos, first.related(), "BP202", "%s already names entity %s; give %s an id type of its own", en.ID.Name, first.name, en.Var)
		}
	}
}

// prefixPattern is what can begin the names of streams.
var prefixPattern = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// badScope returns why the store would refuse a scope, or "". No scope is fine:
// the journal gives it.
func badScope(s string) string {
	switch {
	case len(s) > maxScope:
		return fmt.Sprintf("is longer than %d bytes", maxScope)
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	case strings.Contains(s, ".."):
		return `contains ".."`
	case strings.ContainsAny(s, "/|="):
		return `contains one of "/", "|", "="`
	case strings.ContainsFunc(s, unicode.IsControl):
		return "contains a control character"
	}
	return ""
}
