package props_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"

	"github.com/batpak-go/batpak/examples/bank"
	"github.com/batpak-go/batpak/runtime/wire"

	"github.com/batpak-go/batpak/props"
)

// LAW02: decoding takes any bytes. It returns or refuses, within bounds of
// memory, and what it accepts is what it would have written.
//
// The test measures memory, so it is not run beside others.
func TestLaw02DecodeTakesAnyBytes(t *testing.T) {
	random := gopter.DeriveGen(
		func(b []byte) mutant { return mutant{base: -1, edits: b} },
		func(m mutant) []byte { return m.edits },
		gen.SliceOf(gen.UInt8()))
	mutated := gopter.DeriveGen(
		func(base int, edits []byte) mutant { return mutant{base, edits} },
		func(m mutant) (int, []byte) { return m.base, m.edits },
		gen.IntRange(0, len(encodings())-1), gen.SliceOf(gen.UInt8()))
	for name, mutants := range map[string]gopter.Gen{"random": random, "mutated": mutated} {
		t.Run(name, func(t *testing.T) {
			props.Check(t, 1000, mutants, func(m mutant) error { return decodes(m.bytes()) })
		})
	}
	t.Run("huge", func(t *testing.T) {
		// Heads that announce more than there is.
		for _, head := range []string{"\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff", "\xdb\xff\xff\xff\xff", "\xc6\xff\xff\xff\xff", "\xc9\xff\xff\xff\xff\x01"} {
			for _, name := range []string{"", "\x81\xa1x", "\x83\xa6amount\x01\xa6source", "\x82\xa5names", "\x82\xa5names\x90\xa4grid"} {
				if err := decodes([]byte(name + head)); err != nil {
					t.Error(err)
				}
			}
		}
		for _, element := range []string{"\xa0", "\x00"} { // as many elements as bytes
			many := strings.Repeat(element, 5000)
			if err := decodes([]byte("\x82\xa5names\xdc\x13\x88" + many + "\xa4grid\x91\xdc\x13\x88" + many)); err != nil {
				t.Error(err)
			}
		}
		if err := decodes(bytes.Repeat([]byte("\x81\xa1x"), 1000)); err != nil { // far too deep
			t.Error(err)
		}
	})
}

// FuzzLaw02Decode holds the bytes of the fuzzer against the same law.
func FuzzLaw02Decode(f *testing.F) {
	for _, b := range encodings() {
		f.Add(b)
	}
	f.Add([]byte{})
	f.Add([]byte("\xdf\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := canonical(b); err != nil {
			t.Error(err)
		}
	})
}

// lists is a payload of lists, with the codec that would be generated for it.
type lists struct {
	Names []string
	Grid  [][]int64
}

var (
	listShape  = wire.NewShape("lists", "names", "grid")
	listsCodec = props.Codec[lists]{Append: lists.append, Decode: (*lists).decode}
)

func (v lists) append(dst []byte) []byte {
	dst = wire.AppendStruct(dst, 2)
	dst = wire.AppendString(dst, "names")
	dst = wire.AppendArray(dst, len(v.Names))
	for _, n := range v.Names {
		dst = wire.AppendString(dst, n)
	}
	dst = wire.AppendString(dst, "grid")
	dst = wire.AppendArray(dst, len(v.Grid))
	for _, row := range v.Grid {
		dst = wire.AppendArray(dst, len(row))
		for _, n := range row {
			dst = wire.AppendInt(dst, n)
		}
	}
	return dst
}

func (v *lists) decode(src []byte) error {
	*v = lists{}
	d := wire.NewDecoder(src)
	s := d.Struct(listShape)
	for s.Next() {
		switch s.Index() {
		case 0:
			for a := d.Array(); a.Next(); {
				v.Names = append(v.Names, d.String())
			}
		case 1:
			for a := d.Array(); a.Next(); {
				var row []int64
				for a := d.Array(); a.Next(); {
					row = append(row, d.Int64())
				}
				v.Grid = append(v.Grid, row)
			}
		}
	}
	return d.Finish()
}

// mutant is an encoding that was tampered with, or if base is negative just the
// edits.
type mutant struct {
	base  int // of encodings
	edits []byte
}

// String shows what is decoded.
func (m mutant) String() string { return fmt.Sprintf("%x", m.bytes()) }

// bytes applies the edits.
func (m mutant) bytes() []byte {
	if m.base < 0 {
		return m.edits
	}
	return props.Tamper(encodings()[m.base], m.edits)
}

// encodings are payloads of each kind.
func encodings() [][]byte {
	opened := bank.AccountOpened{Owner: "Åsa", Currency: "SEK", OpenedAt: time.Date(1965, 3, 1, 0, 0, 0, 1, time.UTC)}
	deposited := bank.MoneyDeposited{Amount: math.MaxInt64, Source: bank.Source{Kind: "cash", Ref: "x"}, Memo: "m"}
	return [][]byte{
		opened.AppendBatpak(nil),
		deposited.AppendBatpak(nil),
		bank.MoneyWithdrawn{Amount: -1, Day: -20000, Reason: "rent"}.AppendBatpak(nil),
		bank.AccountFrozen{By: "court", Reason: "debt"}.AppendBatpak(nil),
		bank.AccountFlagged{Rule: "velocity", Score: 70000}.AppendBatpak(nil),
		lists{Names: []string{"a", "", "c"}, Grid: [][]int64{{1, -1}, nil, {1 << 40}}}.append(nil),
	}
}

// decodes holds bytes against the law, for each payload.
func decodes(b []byte) error {
	return errors.Join(canonical(b),
		openedCodec.Total(b), depositedCodec.Total(b), withdrawnCodec.Total(b), frozenCodec.Total(b), flaggedCodec.Total(b), listsCodec.Total(b))
}

func canonical(b []byte) error {
	return errors.Join(openedCodec.Canonical(b), depositedCodec.Canonical(b), withdrawnCodec.Canonical(b),
		frozenCodec.Canonical(b), flaggedCodec.Canonical(b), listsCodec.Canonical(b))
}
