package report

import (
	"fmt"
	"io"

	"github.com/batpak-go/batpak/runtime/bench/internal/chart"
)

// Chart draws how the store of this repository compares, or, if the number of events
// was varied, what that does.
func (r *Run) Chart(w io.Writer) error {
	svg := chart.Bars("How many times as good as "+ours+"; longer is better", r.groups())
	if len(r.Sizes()) > 0 {
		svg = chart.Lines("As the store grows: events, and the figure", r.panels())
	}
	_, err := w.Write(svg)
	return err
}

// groups are the figures that several drivers have.
func (r *Run) groups() (groups []chart.Group) {
	for _, l := range lines() {
		g := chart.Group{Title: l.name + ", " + l.Metric}
		for _, d := range r.Drivers {
			v, ok := r.Median(l.Figure, d.Name)
			ratio, also := r.Ratio(l.Figure, d.Name, ours)
			if !ok || !also || v <= 0 || ratio <= 0 {
				continue
			}
			if l.less {
				ratio = 1 / ratio
			}
			g.Bars = append(g.Bars, chart.Bar{
				Name: d.Name, Value: ratio, Label: fmt.Sprintf("%.2f × (%s)", ratio, number(v)), Strong: d.Name == ours,
			})
		}
		if len(g.Bars) > 1 {
			groups = append(groups, g)
		}
	}
	return groups
}

// panels are the figures that there are for several numbers of events.
func (r *Run) panels() (panels []chart.Panel) {
	for _, l := range lines() {
		p := chart.Panel{Title: l.name + ", " + l.Metric}
		for _, d := range r.Drivers {
			line := chart.Line{Name: d.Name}
			for _, n := range r.Sizes() {
				if v, ok := r.Median(Figure{l.Workload, l.Metric, n}, d.Name); ok && v > 0 {
					line.Points = append(line.Points, chart.Point{X: float64(n), Y: v})
				}
			}
			if len(line.Points) > 1 {
				p.Lines = append(p.Lines, line)
			}
		}
		if len(p.Lines) > 0 {
			panels = append(panels, p)
		}
	}
	return panels
}
