package history

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"unicode/utf8"
)

// The longest names in bytes, such that an entity, which has a prefix, the
// repository's name and more, fits into what the store allows.
const (
	maxScope = 100
	maxID    = 800
)

// Anonymous is the id of authors that have neither a mail nor a name. It is not
// what [AuthorOf] makes of any mail or name.
const Anonymous AuthorID = "%anonymous"

// ScopeOf makes the scope of a repository out of its name, any bytes.
func ScopeOf(name string) string {
	if name == "" {
		return "%unnamed"
	}
	return escape(name, maxScope, false)
}

// AuthorOf makes an author's id out of the mail, or out of the name where there
// is no mail.
func AuthorOf(mail, name string) AuthorID {
	switch {
	case mail != "":
		return AuthorID(escape(mail, maxID, false))
	case name != "":
		return AuthorID(escape(name, maxID, false))
	}
	return Anonymous
}

// FileOf makes a file's id out of the scope of its repository and its path. The
// parts of the path are separated by ":", so that the files of a directory have
// a prefix in common.
func FileOf(scope string, path []byte) FileID {
	return FileID(scope + ":" + escape(string(path), maxID, true))
}

// TagOf makes a tag's id out of the scope of its repository and its name.
func TagOf(scope string, name []byte) TagID {
	return TagID(scope + ":" + escape(string(name), maxID, true))
}

// CommitKey is the idempotency key of a commit's event in a repository.
func CommitKey(scope string, h Hash) string { return scope + ":commit:" + string(h) }

// RootKey is the idempotency key of a [HistoryBegun] in a repository.
func RootKey(scope string, h Hash) string { return scope + ":root:" + string(h) }

// escape makes a name of at most limit bytes that the store accepts, a different
// one for each s. Every byte that it does not accept, and those that have a
// meaning here, become "%XX"; with parts, "/" becomes ":". What is then too long
// is cut and ends in "%h" and a hash, which no other name does.
//
//	docs/a=b..c%.txt    docs:a%3Db.%2Ec%25.txt
func escape(s string, limit int, parts bool) string {
	out := make([]byte, 0, len(s)+8)
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case parts && r == '/':
			out = append(out, ':')
		case refused(r, size) || r == '.' && i > 0 && s[i-1] == '.':
			for _, b := range []byte(s[i : i+size]) {
				out = fmt.Appendf(out, "%%%02X", b)
			}
		default:
			out = append(out, s[i:i+size]...)
		}
		i += size
	}
	if len(out) <= limit {
		return string(out)
	}
	sum := sha256.Sum256([]byte(s))
	cut := limit - len("%h") - 2*len(sum)
	for cut > 0 && !utf8.RuneStart(out[cut]) {
		cut--
	}
	return string(out[:cut]) + "%h" + hex.EncodeToString(sum[:])
}

// refused reports whether a rune must be escaped: what the store refuses
// anywhere in a name, bytes that are not UTF-8, and "%" and ":", which have a
// meaning in these names.
func refused(r rune, size int) bool {
	switch r {
	case '/', '|', '=', '%', ':':
		return true
	case utf8.RuneError:
		return size == 1
	}
	return r < 0x20 || r >= 0x7F && r < 0xA0
}

// TopDirectory is the first part of a path, or "." for a file that is in no
// directory.
func TopDirectory(path []byte) []byte {
	dir, _, ok := bytes.Cut(path, []byte{'/'})
	if !ok {
		return []byte(".")
	}
	return dir
}
