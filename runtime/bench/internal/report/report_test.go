package report_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/batpak-go/batpak/runtime/bench/internal/report"
)

var update = flag.Bool("update", false, "write testdata anew")

// sample is a run of four drivers in three rounds, in which the disk had moods.
func sample() *report.Run {
	r := &report.Run{
		Machine: "a machine", Cores: 2, Payload: 128, Events: 1_000_000,
		Drivers: []report.Driver{
			{Name: "batpak", Settings: "defaults", Indexed: true},
			{Name: "ref-log", Settings: "the least", Indexed: true},
			{Name: "raw", Settings: "no store"},
			{Name: "tree", Settings: "a peer", Peer: true, Indexed: true},
			{Name: "wal", Settings: "another, with no index", Peer: true},
		},
		Failures: []report.Failure{{Workload: "c1/kill", Driver: "wal", Error: "lost events"}},
	}
	moods := []float64{1, 3, 0.5}
	for round, mood := range moods {
		add := func(workload, driver, metric string, value float64) {
			r.Samples = append(r.Samples, report.Sample{Workload: workload, Driver: driver, Metric: metric, Round: round, Value: value})
		}
		for driver, rate := range map[string]float64{"batpak": 7000, "ref-log": 7500, "raw": 8000, "tree": 3500, "wal": 7700} {
			add("w1", driver, report.Rate, rate/mood)
			add("w1", driver, report.P50, 1e6/rate*mood)
		}
		add("r1/seq", "batpak", report.P50, 0.8)
		add("c1/warm", "batpak", report.Millis, 12)
		add("c1/warm", "tree", report.Millis, 3)
		for _, n := range []int{10_000, 1_000_000, 10_000_000} {
			r.Samples = append(r.Samples, report.Sample{
				Workload: "c1/warm", Driver: "batpak", Metric: report.Millis, Events: n, Round: round, Value: 5 + float64(n)/1e6,
			})
			r.Samples = append(r.Samples, report.Sample{
				Workload: "page/kind", Driver: "batpak", Metric: report.P50, Events: n, Round: round, Value: 40 + float64(n)/1e6,
			})
		}
	}
	return r
}

func TestMarkdown(t *testing.T) {
	var b bytes.Buffer
	if err := sample().Markdown(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.md", b.Bytes())
}

func TestChart(t *testing.T) {
	grown, same := sample(), sample()
	same.Samples = slices.DeleteFunc(same.Samples, func(s report.Sample) bool { return s.Events != 0 })
	for name, r := range map[string]*report.Run{"growth.svg": grown, "compared.svg": same} {
		var b bytes.Buffer
		if err := r.Chart(&b); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.Bytes())
	}
}

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(name, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; go test -update accepts this:\n%s", name, got)
	}
}

// A run that was written is read back.
func TestWriteRead(t *testing.T) {
	want := sample()
	var b bytes.Buffer
	if err := want.Write(&b); err != nil {
		t.Fatal(err)
	}
	got, err := report.Read(&b)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Read(Write(run)) = %+v, %v, want %+v", got, err, want)
	}
	if _, err := report.Read(bytes.NewBufferString("{")); err == nil {
		t.Error("Read(half an object) = nil error")
	}
}

func TestMedian(t *testing.T) {
	f := report.Figure{Workload: "w", Metric: "m"}
	for _, c := range []struct {
		values []float64
		want   float64
		ok     bool
	}{
		{nil, 0, false},
		{[]float64{4}, 4, true},
		{[]float64{9, 1}, 5, true},
		{[]float64{9, 1, 2}, 2, true},
		{[]float64{8, 100, 2, 4}, 6, true},
	} {
		var r report.Run
		for round, v := range c.values {
			r.Samples = append(r.Samples,
				report.Sample{Workload: "w", Driver: "d", Metric: "m", Round: round, Value: v},
				report.Sample{Workload: "w", Driver: "other", Metric: "m", Round: round, Value: 1e9},
				report.Sample{Workload: "w", Driver: "d", Metric: "m", Events: 10, Round: round, Value: 1e9})
		}
		if got, ok := r.Median(f, "d"); got != c.want || ok != c.ok {
			t.Errorf("Median of %v = %v, %v, want %v, %v", c.values, got, ok, c.want, c.ok)
		}
	}
}

// A ratio is taken within the rounds: a mood that both drivers share leaves it as
// it is, and a round that one has not is left out.
func TestRatio(t *testing.T) {
	var r report.Run
	add := func(driver string, values ...float64) {
		for round, v := range values {
			if v != 0 {
				r.Samples = append(r.Samples, report.Sample{Workload: "w", Driver: driver, Metric: "m", Round: round, Value: v})
			}
		}
	}
	add("a", 10, 200, 30, 1000)
	add("b", 5, 100, 15)
	add("never")
	f := report.Figure{Workload: "w", Metric: "m"}
	if got, ok := r.Ratio(f, "a", "b"); got != 2 || !ok {
		t.Errorf("Ratio = %v, %v, want 2", got, ok)
	}
	if got, ok := r.Ratio(f, "b", "a"); got != 0.5 || !ok {
		t.Errorf("Ratio = %v, %v, want 0.5", got, ok)
	}
	if got, ok := r.Ratio(f, "a", "never"); ok {
		t.Errorf("Ratio to a driver without figures = %v, want none", got)
	}
}

func TestBest(t *testing.T) {
	r := sample()
	rate, p50 := report.Figure{Workload: "w1", Metric: report.Rate}, report.Figure{Workload: "w1", Metric: report.P50}
	for _, c := range []struct {
		f             report.Figure
		less, indexed bool
		want          string
	}{
		{rate, false, false, "wal"},
		{rate, false, true, "tree"},
		{rate, true, false, "tree"},
		{p50, true, false, "wal"},
		{report.Figure{Workload: "w9"}, false, false, ""},
	} {
		if got, _ := r.Best(c.f, c.less, c.indexed); got != c.want {
			t.Errorf("Best(%+v, %v, %v) = %q, want %q", c.f, c.less, c.indexed, got, c.want)
		}
	}
}
