package bench_test

import (
	"os/exec"
	"reflect"
	"testing"
	"time"

	"github.com/batpak-go/batpak/runtime/wire/bench"
)

// sample returns the same order twice, for either codec.
func sample() (bench.Order, bench.PeerOrder) {
	o := bench.Order{
		ID: "order-2026-000042", Customer: "customer-0815", Total: 1_234_567, Currency: "EUR", Paid: true, Attempt: 3,
		PlacedAt: time.Date(2026, 8, 1, 12, 30, 0, 123456789, time.UTC),
		Lines: []bench.Line{
			{Article: "SKU-0001", Count: 2, Price: 1999}, {Article: "SKU-0002", Count: 1, Price: 250_000}, {Article: "SKU-0003", Count: 12, Price: 75},
		},
		Labels: map[string]string{"channel": "web", "campaign": "summer-2026", "region": "eu-central"},
		Digest: make([]byte, 32),
	}
	for i := range o.Digest {
		o.Digest[i] = byte(7 * i)
	}
	p := bench.PeerOrder{
		ID: o.ID, Customer: o.Customer, Total: o.Total, Currency: o.Currency, Paid: o.Paid, Attempt: o.Attempt,
		PlacedAt: o.PlacedAt, Labels: o.Labels, Digest: o.Digest,
	}
	for _, l := range o.Lines {
		p.Lines = append(p.Lines, bench.PeerLine(l))
	}
	return o, p
}

// Both codecs are at work on the same order.
func TestCodecsAgree(t *testing.T) {
	o, p := sample()
	var gotO bench.Order
	src := o.AppendBatpak(nil)
	if err := gotO.DecodeBatpak(src); err != nil || !reflect.DeepEqual(gotO, o) {
		t.Errorf("DecodeBatpak() = %+v, %v, want %+v", gotO, err, o)
	}
	theirs, err := p.MarshalMsg(nil)
	if err != nil {
		t.Fatal(err)
	}
	var gotP bench.PeerOrder
	if _, err := gotP.UnmarshalMsg(theirs); err != nil {
		t.Fatal(err)
	}
	if gotP.PlacedAt = gotP.PlacedAt.UTC(); !reflect.DeepEqual(gotP, p) {
		t.Errorf("UnmarshalMsg() = %+v, want %+v", gotP, p)
	}
	// What they wrote is an order to us, but for forms that are not the shortest.
	t.Logf("%d bytes, msgp %d", len(src), len(theirs))
	if n := testing.AllocsPerRun(100, func() { src = o.AppendBatpak(src[:0]) }); n != 0 {
		t.Errorf("AppendBatpak allocates %v times, want 0", n)
	}
}

// What is measured is what batpakgen generates.
func TestGeneratedCodeIsUpToDate(t *testing.T) {
	if out, err := exec.CommandContext(t.Context(), "go", "tool", "batpakgen", "-check", "-no-tests").CombinedOutput(); err != nil {
		t.Errorf("batpakgen -check = %v, want nil; run go generate:\n%s", err, out)
	}
}

func BenchmarkEncode(b *testing.B) {
	o, p := sample()
	dst := make([]byte, 0, 1024)
	b.Run("batpak", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			dst = o.AppendBatpak(dst[:0])
		}
	})
	b.Run("msgp", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			dst, _ = p.MarshalMsg(dst[:0])
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	o, p := sample()
	ours := o.AppendBatpak(nil)
	theirs, err := p.MarshalMsg(nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("batpak", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var o bench.Order
			if err := o.DecodeBatpak(ours); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("msgp", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var p bench.PeerOrder
			if _, err := p.UnmarshalMsg(theirs); err != nil {
				b.Fatal(err)
			}
		}
	})
}
