package wire_test

import (
	"testing"
	"time"

	"github.com/batpak-go/batpak/runtime/wire"
)

func BenchmarkAppend(b *testing.B) {
	v := MoneyDeposited{Amount: 123456, Source: Source{Kind: "cash"}, Tags: []string{"first", "second"}}
	buf := appendMoneyDeposited(nil, &v)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = appendMoneyDeposited(buf[:0], &v)
	}
}

func BenchmarkParse(b *testing.B) {
	src := appendMoneyDeposited(nil, &MoneyDeposited{Amount: 123456, Source: Source{Kind: "cash"}, Tags: []string{"first", "second"}})
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseMoneyDeposited(src); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSkip(b *testing.B) {
	src := appendMoneyDeposited(nil, &MoneyDeposited{Amount: 123456, Source: Source{Kind: "cash"}, Tags: []string{"first", "second"}})
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		wire.NewDecoder(src).Skip()
	}
}

func BenchmarkAppendInt(b *testing.B) {
	buf := make([]byte, 0, 16)
	b.ReportAllocs()
	for b.Loop() {
		buf = wire.AppendInt(buf[:0], -123456789)
	}
}

func BenchmarkAppendTime(b *testing.B) {
	buf := make([]byte, 0, 16)
	at := time.Unix(1_700_000_000, 123_456_789)
	b.ReportAllocs()
	for b.Loop() {
		buf = wire.AppendTime(buf[:0], at)
	}
}
