package format_test

import (
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/format"
)

// vector is one file of testdata/vectors: lines of the form "name: value", an
// empty line, and bytes in hex, with comments from # on. The part of the file's
// name before the first dash says what the bytes are.
type vector struct {
	name, expect string
	at           format.Place
	body         []byte
}

// vectors reads all vectors of a kind. Having none is an error, so that a test
// cannot pass for want of input.
func vectors(t testing.TB, kind string) []vector {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", "vectors", kind+"-*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Fatalf("no vectors of kind %q", kind)
	}
	vs := make([]vector, 0, len(names))
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		v := parseVector(t, string(text))
		v.name = strings.TrimSuffix(filepath.Base(name), ".txt")
		vs = append(vs, v)
	}
	return vs
}

func parseVector(t testing.TB, text string) (v vector) {
	t.Helper()
	head, body, ok := strings.Cut(text, "\n\n")
	if !ok {
		t.Fatal("vector without an empty line between head and body")
	}
	for line := range strings.Lines(head) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		var err error
		switch key {
		case "what":
		case "expect":
			v.expect = value
		case "store":
			_, err = hex.Decode(v.at.Store[:], []byte(value))
		case "segment":
			v.at.Segment, err = strconv.ParseUint(value, 10, 64)
		case "offset":
			v.at.Offset, err = strconv.ParseInt(value, 10, 64)
		case "last":
			v.at.Last, err = strconv.ParseUint(value, 10, 64)
		case "round":
			var n uint64
			n, err = strconv.ParseUint(value, 10, 32)
			v.at.Round = uint32(n)
		default:
			t.Fatalf("vector with an unknown line %q", line)
		}
		if err != nil {
			t.Fatalf("vector line %q: %v", line, err)
		}
	}
	for line := range strings.Lines(body) {
		line, _, _ = strings.Cut(line, "#")
		b, err := hex.DecodeString(strings.Join(strings.Fields(line), ""))
		if err != nil {
			t.Fatalf("vector line %q: %v", line, err)
		}
		v.body = append(v.body, b...)
	}
	return v
}

// reencode parses src as a structure of the given kind and returns what
// appending the parsed value again gives: of the accepted bytes, the same.
func reencode(kind string, src []byte, at format.Place) ([]byte, error) {
	switch kind {
	case "segment":
		h, err := format.ParseSegmentHeader(src)
		if err != nil {
			return nil, err
		}
		return format.AppendSegmentHeader(nil, h), nil
	case "merged":
		h, err := format.ParseMergedHeader(src)
		if err != nil {
			return nil, err
		}
		return format.AppendMergedHeader(nil, h), nil
	case "compaction":
		c, err := format.ParseCompaction(src)
		if err != nil {
			return nil, err
		}
		return format.AppendCompaction(nil, c), nil
	case "group":
		h, err := format.ParseGroupHeader(src, at)
		if err != nil {
			return nil, err
		}
		rest := src[format.GroupHeaderSize:]
		body := rest[:min(uint64(len(rest)), uint64(h.BodyLength))]
		if err := h.CheckBody(body); err != nil {
			return nil, err
		}
		return format.AppendGroup(nil, h, at, body), nil
	default:
		seed := format.RecordSeed(at.Store)
		r, _, err := format.ParseRecord(src, seed)
		if err != nil {
			return nil, err
		}
		e := format.EncodeTail(&r.Tail)
		return format.AppendRecord(nil, seed, &r.Head, &e), nil
	}
}

// verdict names the outcome of a parser as the vectors do.
func verdict(err error) string {
	if err == nil {
		return "ok"
	}
	if _, ok := errors.AsType[*format.NewerError](err); ok {
		return "newer"
	}
	if _, ok := errors.AsType[*format.Error](err); ok {
		return "damaged"
	}
	return "untyped error: " + err.Error()
}

func TestVectors(t *testing.T) {
	for _, kind := range []string{"segment", "merged", "group", "record", "compaction"} {
		seen := map[string]int{}
		for _, v := range vectors(t, kind) {
			seen[v.expect]++
			t.Run(v.name, func(t *testing.T) {
				again, err := reencode(kind, v.body, v.at)
				if got := verdict(err); got != v.expect {
					t.Fatalf("parse = %s (%v), want %s", got, err, v.expect)
				}
				if err == nil && string(again) != string(v.body[:min(len(v.body), len(again))]) {
					t.Errorf("append(parse(bytes)) = %x, want %x", again, v.body)
				}
			})
		}
		for _, expect := range []string{"ok", "damaged", "newer"} {
			if seen[expect] == 0 {
				t.Errorf("vectors of kind %s expecting %s = 0, want some", kind, expect)
			}
		}
	}
}
