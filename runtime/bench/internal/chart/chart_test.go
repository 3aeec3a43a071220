package chart_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/batpak-go/batpak/runtime/bench/internal/chart"
)

var update = flag.Bool("update", false, "write testdata anew")

func TestCharts(t *testing.T) {
	nasty := `<a & "b" 'c'>` + "\x00\xff"
	for name, got := range map[string][]byte{
		"bars.svg": chart.Bars("Appends "+nasty, []chart.Group{
			{Title: "one goroutine", Bars: []chart.Bar{
				{Name: "batpak", Value: 7000, Label: "7,000/s", Strong: true}, {Name: "other", Value: 3500, Label: "0.50 ×"},
			}},
			{Title: "nothing", Bars: []chart.Bar{{Name: nasty}, {Name: "negative", Value: -1}}},
			{Title: "no bars"},
		}),
		"lines.svg": chart.Lines("Growth", []chart.Panel{
			{Title: "page, µs", Lines: []chart.Line{
				{Name: "batpak", Points: []chart.Point{{1e4, 40}, {1e5, 42}, {1e6, 45}, {1e7, 44}}},
				{Name: nasty, Points: []chart.Point{{1e4, 50}, {1e7, 90_000}}},
			}},
			{Title: "one point", Lines: []chart.Line{{Name: "batpak", Points: []chart.Point{{1e6, 1}}}}},
			{Title: "no logarithm", Lines: []chart.Line{{Name: "batpak", Points: []chart.Point{{1e6, 0}, {0, 4}, {math.NaN(), 1}}}}},
			{Title: "no points"},
		}),
		"empty.svg": chart.Lines("", nil),
	} {
		t.Run(name, func(t *testing.T) {
			wellFormed(t, got)
			file := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(file, got, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s differs; go test -update accepts this:\n%s", file, got)
			}
		})
	}
}

// wellFormed reads a chart to its end as XML.
func wellFormed(t *testing.T, svg []byte) {
	t.Helper()
	elements := 0
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not XML: %v:\n%s", err, svg)
		}
		if start, ok := token.(xml.StartElement); ok {
			for _, a := range start.Attr {
				if a.Value == "NaN" || bytes.Contains([]byte(a.Value), []byte("Inf")) {
					t.Errorf("<%s %s=%q>", start.Name.Local, a.Name.Local, a.Value)
				}
			}
			elements++
		}
	}
	if elements < 3 {
		t.Errorf("%d elements, want a picture", elements)
	}
}
