package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// Sample is one figure of one driver in one round.
type Sample struct {
	Workload string
	Driver   string
	Metric   string // with its unit
	Events   int    `json:",omitempty"` // in the store, where that is what is varied
	Round    int
	Value    float64
}

// Run is what one run of the suite found.
type Run struct {
	Machine  string // what it ran on
	Payload  int    // bytes of an event
	Events   int    // of the large store
	Cores    int
	Drivers  []Driver
	Samples  []Sample
	Failures []Failure
}

// Driver is what the report says of a driver.
type Driver struct {
	Name, Settings string
	Peer, Indexed  bool
}

// Failure is a measurement that could not be made.
type Failure struct{ Workload, Driver, Error string }

// Write writes the run as JSON.
func (r *Run) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(r)
}

// Read reads what Write wrote.
func Read(src io.Reader) (*Run, error) {
	var r Run
	if err := json.NewDecoder(src).Decode(&r); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return &r, nil
}

// Figure names a figure: a metric of a workload, and the events in the store if
// those are varied.
type Figure struct {
	Workload, Metric string
	Events           int
}

// rounds are the values of a figure of a driver by round.
func (r *Run) rounds(f Figure, driver string) map[int]float64 {
	values := map[int]float64{}
	for _, s := range r.Samples {
		if s.Workload == f.Workload && s.Metric == f.Metric && s.Events == f.Events && s.Driver == driver {
			values[s.Round] = s.Value
		}
	}
	return values
}

// Median is the median of a figure of a driver over the rounds. It is not ok if
// there is none.
func (r *Run) Median(f Figure, driver string) (value float64, ok bool) {
	var values []float64
	for _, v := range r.rounds(f, driver) {
		values = append(values, v)
	}
	return median(values)
}

// Ratio is the median, over the rounds that both have, of a driver's figure to that
// of another. Figures that are not positive, such as the disk that compression
// takes beyond a payload, have none.
func (r *Run) Ratio(f Figure, driver, to string) (ratio float64, ok bool) {
	var ratios []float64
	others := r.rounds(f, to)
	for round, v := range r.rounds(f, driver) {
		if other := others[round]; v > 0 && other > 0 {
			ratios = append(ratios, v/other)
		}
	}
	return median(ratios)
}

func median(values []float64) (value float64, ok bool) {
	slices.Sort(values)
	n := len(values)
	if n == 0 {
		return 0, false
	}
	return (values[(n-1)/2] + values[n/2]) / 2, true
}

// Best is the peer with the best median of a figure: the highest, or the lowest if
// less is better.
func (r *Run) Best(f Figure, less, indexed bool) (name string, ok bool) {
	var best float64
	for _, d := range r.Drivers {
		v, has := r.Median(f, d.Name)
		if !has || !d.Peer || indexed && !d.Indexed {
			continue
		}
		if !ok || less && v < best || !less && v > best {
			name, best, ok = d.Name, v, true
		}
	}
	return name, ok
}
