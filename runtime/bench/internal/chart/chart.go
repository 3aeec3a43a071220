package chart

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
)

// Bar is one bar of a group, as long as its value is to the largest of the group.
type Bar struct {
	Name   string
	Value  float64
	Label  string // beside it
	Strong bool   // is what the chart is about
}

// Group is a set of bars that are compared.
type Group struct {
	Title string
	Bars  []Bar
}

// Point is a point of a line. Both coordinates are positive.
type Point struct{ X, Y float64 }

// Line is a line through points from left to right.
type Line struct {
	Name   string
	Points []Point
}

// Panel is a drawing of lines.
type Panel struct {
	Title string
	Lines []Line
}

const (
	width   = 760
	margin  = 12
	text    = 12 // the height of letters
	row     = 18
	names   = 130 // the width of the bars' names
	labels  = 150 // of their labels
	columns = 2   // of panels
	tall    = 190 // a panel
)

// palette are colours that can be told apart, for up to as many lines.
func palette() []string {
	return []string{"#0b6e99", "#d9730d", "#6b6b6b", "#448361", "#9065b0", "#c14c8a", "#cb912f", "#d44c47", "#64473a", "#337ea9"}
}

// picture is an SVG that is being written.
type picture struct{ bytes.Buffer }

// Bars draws groups of bars, one below the other.
func Bars(title string, groups []Group) []byte {
	height := margin + row + margin
	for _, g := range groups {
		height += row*(1+len(g.Bars)) + margin
	}
	p := begin(title, height)
	y := margin + row + margin
	for _, g := range groups {
		p.write(margin, y+text, "start", true, g.Title)
		y += row
		largest := 0.0
		for _, b := range g.Bars {
			largest = max(largest, b.Value)
		}
		for _, b := range g.Bars {
			colour, long := "#b8c4ce", 1.0
			if b.Strong {
				colour = "#0b6e99"
			}
			if largest > 0 {
				long = max(1, b.Value/largest*(width-2*margin-names-labels))
			}
			p.write(margin+names-6, y+text, "end", b.Strong, b.Name)
			fmt.Fprintf(p, `<rect x="%d" y="%d" width="%s" height="%d" fill="%s"/>`+"\n", margin+names, y+2, decimal(long), row-4, colour)
			p.write(margin+names+int(long)+6, y+text, "start", b.Strong, b.Label)
			y += row
		}
		y += margin
	}
	return p.end()
}

// Lines draws panels beside and below each other. Both axes are logarithmic, and
// each panel has its own.
func Lines(title string, panels []Panel) []byte {
	rows := (len(panels) + columns - 1) / columns
	var legend []string
	for _, panel := range panels {
		for _, l := range panel.Lines {
			if colourOf(legend, l.Name) == "" {
				legend = append(legend, l.Name)
			}
		}
	}
	p := begin(title, margin+2*row+margin+rows*tall)
	x := margin
	for _, name := range legend {
		fmt.Fprintf(p, `<rect x="%d" y="%d" width="10" height="10" fill="%s"/>`+"\n", x, margin+row+2, colourOf(legend, name))
		p.write(x+14, margin+row+text-1, "start", false, name)
		x += 24 + 7*len(name)
	}
	for i, panel := range panels {
		p.panel(panel, legend, i%columns*width/columns, margin+2*row+margin+i/columns*tall)
	}
	return p.end()
}

// colourOf is the colour of a name of the legend, or nothing.
func colourOf(legend []string, name string) string {
	for i, n := range legend {
		if n == name {
			return palette()[i%len(palette())]
		}
	}
	return ""
}

// panel draws a panel whose upper left corner is at x and y.
func (p *picture) panel(panel Panel, legend []string, x, y int) {
	const left, right, above, below = 52, 24, 24, 40
	low, high := Point{math.Inf(1), math.Inf(1)}, Point{}
	for _, l := range panel.Lines {
		for _, q := range l.Points {
			low = Point{min(low.X, q.X), min(low.Y, q.Y)}
			high = Point{max(high.X, q.X), max(high.Y, q.Y)}
		}
	}
	p.write(x+left, y+text, "start", true, panel.Title)
	if !(low.X > 0 && low.Y > 0) || high.X == 0 {
		return // there are no points, or none that a logarithm has
	}
	// An axis goes from one power of ten to another.
	bottom, top := math.Floor(math.Log10(low.Y)), math.Ceil(math.Log10(high.Y))
	first, last := math.Floor(math.Log10(low.X)), math.Ceil(math.Log10(high.X))
	top, last = max(top, bottom+1), max(last, first+1)
	atX := func(v float64) float64 {
		return float64(x+left) + (math.Log10(v)-first)/(last-first)*(width/columns-left-right)
	}
	atY := func(v float64) float64 {
		return float64(y+tall-below) - (math.Log10(v)-bottom)/(top-bottom)*(tall-above-below)
	}
	for e := bottom; e <= top; e++ {
		v := math.Pow10(int(e))
		fmt.Fprintf(p, `<path d="M%s %sH%s" stroke="#ddd"/>`+"\n", decimal(atX(math.Pow10(int(first)))), decimal(atY(v)), decimal(atX(math.Pow10(int(last)))))
		p.write(x+left-6, int(atY(v))+4, "end", false, power(int(e)))
	}
	for e := first; e <= last; e++ {
		p.write(int(atX(math.Pow10(int(e)))), y+tall-below+16, "middle", false, power(int(e)))
	}
	for _, l := range panel.Lines {
		colour := colourOf(legend, l.Name)
		fmt.Fprintf(p, `<polyline fill="none" stroke="%s" stroke-width="2" points="`, colour)
		for i, q := range l.Points {
			if i > 0 {
				p.WriteByte(' ')
			}
			p.WriteString(decimal(atX(q.X)) + "," + decimal(atY(q.Y)))
		}
		p.WriteString(`"/>` + "\n")
		for _, q := range l.Points {
			fmt.Fprintf(p, `<circle cx="%s" cy="%s" r="3" fill="%s"/>`+"\n", decimal(atX(q.X)), decimal(atY(q.Y)), colour)
		}
	}
}

func begin(title string, height int) *picture {
	p := &picture{}
	fmt.Fprintf(p, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="%d">`+"\n",
		width, height, width, height, text)
	fmt.Fprintf(p, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	p.write(margin, margin+text, "start", true, title)
	return p
}

func (p *picture) end() []byte {
	p.WriteString("</svg>\n")
	return p.Bytes()
}

// write writes a text that starts, ends or has its middle at x.
func (p *picture) write(x, y int, anchor string, bold bool, words string) {
	weight := "normal"
	if bold {
		weight = "bold"
	}
	fmt.Fprintf(p, `<text x="%d" y="%d" text-anchor="%s" font-weight="%s">`, x, y, anchor, weight)
	_ = xml.EscapeText(p, []byte(words)) // a buffer takes everything
	p.WriteString("</text>\n")
}

// decimal writes a coordinate with one digit behind the point.
func decimal(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// power writes a power of ten, with a letter for thousands.
func power(e int) string {
	switch {
	case e >= 6:
		return strconv.FormatFloat(math.Pow10(e-6), 'f', -1, 64) + "M"
	case e >= 3:
		return strconv.FormatFloat(math.Pow10(e-3), 'f', -1, 64) + "k"
	}
	return strconv.FormatFloat(math.Pow10(e), 'f', -1, 64)
}
