package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

const ours, reference, roof = "batpak", "ref-log", "raw"

// Markdown writes the tables of a run: how the store of this repository compares,
// which bars it reaches, and every driver's figures.
func (r *Run) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s; payloads of %d bytes, %s events in the store that is read and opened.\n", r.Machine, r.Payload, number(float64(r.Events)))
	b.WriteString("Medians of the rounds; a ratio is the median of the ratios within each round.\n")
	r.comparison(&b)
	r.reached(&b)
	r.workloads(&b)
	r.growth(&b)
	r.settings(&b)
	for _, f := range r.Failures {
		fmt.Fprintf(&b, "\nFailed: %s, %s: %s\n", f.Driver, f.Workload, f.Error)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// comparison says how many times as good we are as others. Figures themselves are
// in the tables behind it.
func (r *Run) comparison(b *strings.Builder) {
	b.WriteString("\n### Compared\n\nHow many times as good as others " + ours + " is: above 1 it is better, whatever the unit.\n\n")
	table(b, "|"+reference+"|"+roof+"|best indexed peer|best peer", func(row func(...string)) {
		for _, l := range lines() {
			to := func(driver string, named bool) string {
				ratio, ok := r.Ratio(l.Figure, ours, driver)
				if !ok {
					return ""
				}
				if l.less {
					ratio = 1 / ratio
				}
				if named {
					return fmt.Sprintf("%.2f %s", ratio, driver)
				}
				return fmt.Sprintf("%.2f", ratio)
			}
			indexed, _ := r.Best(l.Figure, l.less, true)
			peer, _ := r.Best(l.Figure, l.less, false)
			cells := []string{to(reference, false), to(roof, false), to(indexed, true), to(peer, true)}
			if strings.Join(cells, "") != "" {
				row(append([]string{l.name}, cells...)...)
			}
		}
	})
}

// reached says which bars are reached. One that was not measured is not named.
func (r *Run) reached(b *strings.Builder) {
	b.WriteString("\n### Bars\n\n")
	table(b, "what|against|bar|measured|reached", func(row func(...string)) {
		for _, x := range append(bars(), r.grownBars()...) {
			v, against, ok := r.measured(x)
			if !ok {
				continue
			}
			limit, sign := x.limit, "≥ "
			if x.cores {
				limit *= float64(max(r.Cores, 1))
			}
			if x.most {
				sign = "≤ "
			}
			reached := "no"
			if v >= limit && !x.most || v <= limit && x.most {
				reached = "yes"
			}
			row(x.what, against, sign+number(limit), number(v), reached)
		}
	})
}

// grownBars are the bars for stores of which the number of events was varied, from
// a million on: those that are no ratios, and what tenfold events may cost.
func (r *Run) grownBars() (grown []bar) {
	for _, n := range r.Sizes() {
		for _, x := range bars() {
			if x.to == "" && (n == 1_000_000 || n > 1_000_000 && x.Workload != "c1/warm") {
				x.Events = n
				x.what += ", " + number(float64(n)) + " events"
				grown = append(grown, x)
			}
		}
		if n >= 10_000_000 {
			for _, x := range []bar{
				{"open and read", Figure{"c1/warm", Millis, n}, tenthOf, true, 2, false},
				{"heap after opening", Figure{"c1/warm", Heap, n}, tenthOf, true, 1.1, false},
			} {
				x.what += ", " + number(float64(n)) + " events"
				grown = append(grown, x)
			}
		}
	}
	return grown
}

// measured is the figure of a bar, or its ratio to another driver's.
func (r *Run) measured(x bar) (v float64, against string, ok bool) {
	switch x.to {
	case "":
		v, ok = r.Median(x.Figure, ours)
		return v, "", ok
	case tenthOf:
		tenth := x.Figure
		tenth.Events /= 10
		less, had := r.Median(tenth, ours)
		v, ok = r.Median(x.Figure, ours)
		return v / less, x.to, ok && had && less > 0
	case bestIndexed, bestPeer:
		against, _ = r.Best(x.Figure, x.most, x.to == bestIndexed)
	default:
		against = x.to
	}
	v, ok = r.Ratio(x.Figure, ours, against)
	return v, against, ok
}

// workloads lists every figure of every driver.
func (r *Run) workloads(b *strings.Builder) {
	seen := map[string]bool{}
	for _, l := range lines() {
		if seen[l.Workload] {
			continue
		}
		seen[l.Workload] = true
		metrics := r.metrics(l.Workload)
		if len(metrics) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n### %s\n\n", l.name)
		table(b, "driver|"+strings.Join(metrics, "|"), func(row func(...string)) {
			for _, d := range r.Drivers {
				cells := r.cells(l.Workload, d.Name, metrics)
				if strings.Join(cells, "") != "" {
					row(append([]string{d.Name}, cells...)...)
				}
			}
		})
	}
}

// metrics are those that a workload has, where events are not varied.
func (r *Run) metrics(workload string) (metrics []string) {
	for _, s := range r.Samples {
		if s.Workload == workload && s.Events == 0 && !slices.Contains(metrics, s.Metric) {
			metrics = append(metrics, s.Metric)
		}
	}
	return metrics
}

func (r *Run) cells(workload, driver string, metrics []string) (cells []string) {
	for _, m := range metrics {
		cell := ""
		if v, ok := r.Median(Figure{Workload: workload, Metric: m}, driver); ok {
			cell = number(v)
		}
		cells = append(cells, cell)
	}
	return cells
}

// growth lists the figures of which the number of events is varied.
func (r *Run) growth(b *strings.Builder) {
	sizes := r.Sizes()
	if len(sizes) == 0 {
		return
	}
	head := "what|unit|driver"
	for _, n := range sizes {
		head += "|" + number(float64(n))
	}
	b.WriteString("\n### As the store grows\n\n")
	table(b, head, func(row func(...string)) {
		for _, l := range lines() {
			for _, d := range r.Drivers {
				cells := []string{l.name, l.Metric, d.Name}
				for _, n := range sizes {
					cell := ""
					if v, ok := r.Median(Figure{l.Workload, l.Metric, n}, d.Name); ok {
						cell = number(v)
					}
					cells = append(cells, cell)
				}
				if strings.Join(cells[3:], "") != "" {
					row(cells...)
				}
			}
		}
	})
}

// Sizes are the numbers of events that were varied.
func (r *Run) Sizes() (sizes []int) {
	for _, s := range r.Samples {
		if s.Events != 0 && !slices.Contains(sizes, s.Events) {
			sizes = append(sizes, s.Events)
		}
	}
	slices.Sort(sizes)
	return sizes
}

func (r *Run) settings(b *strings.Builder) {
	b.WriteString("\n### Drivers\n\n")
	table(b, "driver|settings", func(row func(...string)) {
		for _, d := range r.Drivers {
			row(d.Name, d.Settings)
		}
	})
}

// table writes a table with a head of cells between bars.
func table(b *strings.Builder, head string, fill func(row func(...string))) {
	row := func(cells ...string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	heads := strings.Split(head, "|")
	row(heads...)
	b.WriteString(strings.Repeat("|---", len(heads)) + "|\n")
	fill(row)
}

// number writes a figure with three digits, and with commas between thousands.
func number(v float64) string {
	if v < 0 {
		return "-" + number(-v)
	}
	switch {
	case v == float64(int64(v)) && v < 1000:
		return fmt.Sprint(int64(v))
	case v < 9.995:
		return fmt.Sprintf("%.2f", v)
	case v < 99.95:
		return fmt.Sprintf("%.1f", v)
	}
	unit := 1.0
	for v/unit >= 999.5 {
		unit *= 10
	}
	digits := fmt.Sprintf("%.0f", float64(int64(v/unit+0.5))*unit)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
