package format_test

import (
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/format"
)

func benchmarkRecord() (format.Head, format.Encoded) {
	tail := format.Tail{
		Kind: 0x1002, PayloadVersion: 1, Entity: []byte("account:1234"), Scope: []byte("ledger"),
		Payload: make([]byte, 128),
	}
	return format.Head{Sequence: 1 << 20, Version: 300, ID: [16]byte{1}}, format.EncodeTail(&tail)
}

func BenchmarkAppendRecord(b *testing.B) {
	head, e := benchmarkRecord()
	var dst []byte
	b.SetBytes(int64(len(format.AppendRecord(nil, 1, &head, &e))))
	b.ReportAllocs()
	for b.Loop() {
		dst = format.AppendRecord(dst[:0], 1, &head, &e)
	}
}

func BenchmarkParseRecord(b *testing.B) {
	head, e := benchmarkRecord()
	src := format.AppendRecord(nil, 1, &head, &e)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := format.ParseRecord(src, 1); err != nil {
			b.Fatal(err)
		}
	}
}
