package edited

import (
	"encoding/binary"
	"go/scanner"
	"go/token"
	"strings"
)

// Script is a list of edits, 4 bytes each, that a fuzzer can make up.
type Script []byte

// most is how many bytes of a script are used.
const most = 64

// Apply edits a source: it drops, doubles, moves, exchanges, replaces and inserts
// tokens.
func (s Script) Apply(source string) string {
	list, words := tokens(source), words()
	for s = s[:min(len(s), most)]; len(s) >= 4 && len(list) > 0; s = s[4:] {
		at := int(binary.LittleEndian.Uint16(s[1:])) % len(list)
		other := (at + 1 + int(s[3])) % len(list)
		word := words[int(s[3])%len(words)]
		switch s[0] % 6 {
		case 0:
			list = append(list[:at], list[at+1:]...)
		case 1:
			list = append(list[:at+1], list[at:]...)
		case 2:
			list[at], list[other] = list[other], list[at]
		case 3:
			list[at] = list[other]
		case 4:
			list[at] = word + " "
		case 5:
			list[at] += word + " "
		}
	}
	return strings.Join(list, "")
}

// words are what edits put into a source.
func words() []string {
	return []string{
		"x", "account", "opened", "schema", "batpak", "Entity", "Event", "Projection", "Gate", "Command", "Fold", "On", "Step", "Chain", "Enum", "Retired", "Reactor",
		"[", "]", "{", "}", "(", ")", ",", ".", ":", "=", ":=", "*", "&", "...", ";", "\n", "<-", "func", "struct", "interface", "map", "chan", "type", "var", "const",
		"package", "import", "any", "string", "int", "int64", "float64", "nil", "iota", "_", "0", "1", "-1", "1 << 70", `""`, `"\x00"`, "`bat:\"a,b\"`", "'a'", "1.5", "true", "//", "/*", "*/",
		"[]byte", "[T any]", "[int]", "schema.Event[x]{}", "schema.Entity[string]{}", "//line x.go:1:1\n", "//go:build x\n",
	}
}

// tokens splits a source into its tokens, each with what follows it.
func tokens(source string) []string {
	var s scanner.Scanner
	fset := token.NewFileSet()
	s.Init(fset.AddFile("", -1, len(source)), []byte(source), nil, scanner.ScanComments)
	var list []string
	last := 0
	for {
		pos, tok, _ := s.Scan()
		at := fset.Position(pos).Offset
		if tok == token.EOF || at > len(source) {
			return append(list, source[last:])
		}
		if at > last {
			list = append(list, source[last:at])
			last = at
		}
	}
}
