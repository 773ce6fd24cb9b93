// Package plot draws small charts as SVG: bars, and points over two axes. A drawing has the
// colours of a light page, and those of a dark one where the reader's system prefers dark.
package plot

import (
	"bufio"
	"cmp"
	"fmt"
	"html"
	"io"
	"math"
	"slices"
)

// colors are those of figures, on a light page and on a dark one; beyond the last they begin anew.
var colors = [][2]string{
	{"#cf222e", "#ff7b72"}, {"#0969da", "#58a6ff"}, {"#1a7f37", "#3fb950"}, {"#9a6700", "#d29922"}, {"#8250df", "#bc8cff"},
	{"#0a7b83", "#39c5cf"}, {"#59636e", "#9198a1"}, {"#bf3989", "#f778ba"}, {"#7aa6d6", "#7aa6d6"},
}

// The colours of the page, its lines and its texts. Classes and not variables have them, since
// few programs but browsers know variables.
const (
	lightPage = `.paper{fill:#fff}text{fill:#1f2328}.quiet{fill:#59636e}.grid{stroke:#d8dee4}.ink{stroke:#1f2328}.mark{stroke:#c33}`
	darkPage  = `.paper{fill:#0d1117}text{fill:#e6edf3}.quiet{fill:#9198a1}.grid{stroke:#30363d}.ink{stroke:#e6edf3}.mark{stroke:#f66}`
)

// style returns the style sheet. Class fN fills with a colour, sN draws lines in it.
func style() string {
	page := [2]string{lightPage, darkPage}
	for i, pair := range colors {
		for dark, color := range pair {
			page[dark] += fmt.Sprintf(".f%d{fill:%s}.s%[1]d{stroke:%[2]s}", i, color)
		}
	}
	return "<style>\n" + page[0] + ".line{fill:none}.title{font-weight:bold}.end{text-anchor:end}.mid{text-anchor:middle}\n" +
		"@media(prefers-color-scheme:dark){" + page[1] + "}\n</style>\n"
}

// begin writes the head of a drawing, in pixels, with a title that begins at left.
func begin(b *bufio.Writer, width, height, left int, title string) {
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" font-family="sans-serif" font-size="13">
%s<rect width="100%%" height="100%%" class="paper"/>
<text x="%d" y="24" class="title">%s</text>
`, width, height, style(), left, html.EscapeString(title))
}

func end(b *bufio.Writer) error {
	b.WriteString("</svg>\n")
	return b.Flush()
}

// fill and stroke name the class of one of the colours.
func fill(n int) string   { return fmt.Sprintf("f%d", n%len(colors)) }
func stroke(n int) string { return fmt.Sprintf("s%d", n%len(colors)) }

// Where things are in a drawing of points, in pixels.
const (
	left, top     = 70, 44
	width, height = 520, 320
	margin        = 40  // at the right
	names         = 170 // at the right, where lines have names
	nameRow       = 17  // from one name to the next, at least
)

// Points are figures over figures.
type Points struct {
	Title string
	X, Y  Axis
	Lines []Line
}

// Axis is what is measured along an edge.
type Axis struct {
	Low, High float64 // at its ends
	Log       bool    // of logarithms; Low is above 0
	Ticks     []Tick
}

// Tick is a figure that is written at an axis.
type Tick struct {
	At   float64
	Text string
}

// Line is a row of points that belong together.
type Line struct {
	Name   string // written behind its last point, unless it is empty
	Color  int
	Joined bool
	Bold   bool
	Points []Point
}

// Point is one of them.
type Point struct {
	X, Y   float64
	Hollow bool
	Label  string // written beside it
	Title  string // shown where a reader points at it
}

// share is where a figure is between the ends of an axis, from 0 to 1.
func (a Axis) share(x float64) float64 {
	low, high := a.Low, a.High
	if a.Log {
		x, low, high = math.Log(x), math.Log(low), math.Log(high)
	}
	return (x - low) / (high - low)
}

// pixel is where a point is in the drawing.
func (p *Points) pixel(at Point) (x, y float64) {
	return left + width*p.X.share(at.X), top + height*(1-p.Y.share(at.Y))
}

// WriteSVG draws the points.
func (p *Points) WriteSVG(w io.Writer) error {
	b, right := bufio.NewWriter(w), margin
	if slices.ContainsFunc(p.Lines, func(l Line) bool { return l.Name != "" }) {
		right = names
	}
	begin(b, left+width+right, top+height+50, left, p.Title)
	for _, tick := range p.Y.Ticks {
		_, y := p.pixel(Point{X: p.X.Low, Y: tick.At})
		fmt.Fprintf(b, `<path d="M%d %.1f h%d" class="grid"/><text x="%d" y="%.1f" class="quiet end">%s</text>
`, left, y, width, left-8, y+4, html.EscapeString(tick.Text))
	}
	for _, tick := range p.X.Ticks {
		x, _ := p.pixel(Point{X: tick.At, Y: p.Y.Low})
		fmt.Fprintf(b, `<path d="M%.1f %d v%d" class="grid"/><text x="%.1f" y="%d" class="quiet mid">%s</text>
`, x, top, height, x, top+height+20, html.EscapeString(tick.Text))
	}
	for _, line := range p.Lines {
		p.line(b, line)
	}
	p.names(b)
	return end(b)
}

func (p *Points) line(b *bufio.Writer, line Line) {
	if line.Joined && len(line.Points) > 0 {
		weight := 1.5
		if line.Bold {
			weight = 3.5
		}
		for i, at := range line.Points {
			x, y := p.pixel(at)
			if i == 0 {
				fmt.Fprintf(b, `<path class="line %s" stroke-width="%.1f" d="M%.1f %.1f`, stroke(line.Color), weight, x, y)
				continue
			}
			fmt.Fprintf(b, "L%.1f %.1f", x, y)
		}
		b.WriteString("\"/>\n")
	}
	for _, at := range line.Points {
		x, y := p.pixel(at)
		inside := fill(line.Color)
		if at.Hollow {
			inside = "paper"
		}
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="4.5" class="%s %s"><title>%s</title></circle>`,
			x, y, inside, stroke(line.Color), html.EscapeString(at.Title))
		if at.Label != "" {
			fmt.Fprintf(b, `<text x="%.1f" y="%.1f">%s</text>`, x+8, y-6, html.EscapeString(at.Label))
		}
		b.WriteByte('\n')
	}
}

// names writes the names of lines at the right, in the order of their last points and so far
// apart that each can be read.
func (p *Points) names(b *bufio.Writer) {
	type named struct {
		Line
		x, y, at float64
	}
	var all []named
	for _, line := range p.Lines {
		if line.Name != "" && len(line.Points) > 0 {
			x, y := p.pixel(line.Points[len(line.Points)-1])
			all = append(all, named{line, x, y, y})
		}
	}
	slices.SortStableFunc(all, func(a, b named) int { return cmp.Compare(a.y, b.y) })
	for i := 1; i < len(all); i++ {
		all[i].at = max(all[i].at, all[i-1].at+nameRow)
	}
	lowest := float64(top + height)
	for _, n := range slices.Backward(all) {
		n.at = min(n.at, lowest)
		lowest = n.at - nameRow
		weight := "normal"
		if n.Bold {
			weight = "bold"
		}
		fmt.Fprintf(b, `<path d="M%.1f %.1f L%d %.1f" class="line %s" stroke-dasharray="2 2"/><text x="%d" y="%.1f" class="%s" font-weight="%s">%s</text>
`, n.x, n.y, left+width+12, n.at, stroke(n.Color), left+width+15, n.at+4, fill(n.Color), weight, html.EscapeString(n.Name))
	}
}
