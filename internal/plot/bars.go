package plot

import (
	"bufio"
	"fmt"
	"html"
	"io"
)

// Where things are in a drawing of bars, in pixels.
const (
	barLeft  = 180 // of the axis
	barAxis  = 400 // its length, for 0 to 1
	barRow   = 32
	barWidth = barLeft + barAxis + 80
)

// Bars are figures from 0 to 1, in groups.
type Bars struct {
	Title  string
	Groups []Group
}

// Group is some bars below their name, which may be empty.
type Group struct {
	Name string
	Bars []Bar
}

// Bar is a figure.
type Bar struct {
	Name      string
	Value     float64
	Low, High float64  // its interval; both 0 where it has none
	Mark      *float64 // another figure, where there is one
	MarkTitle string   // shown where a reader points at that
	Color     int
}

// WriteSVG draws the bars: with a line over the interval, and a line across at the mark.
func (c *Bars) WriteSVG(w io.Writer) error {
	b, rows := bufio.NewWriter(w), 0
	for _, g := range c.Groups {
		if rows += len(g.Bars); g.Name != "" {
			rows++
		}
	}
	bottom := top + barRow*rows
	begin(b, barWidth, bottom+30, barLeft, c.Title)
	for i := range 6 {
		x := float64(i) / 5
		fmt.Fprintf(b, `<path d="M%.1f %d V%d" class="grid"/><text x="%.1f" y="%d" class="quiet mid">%.1f</text>
`, barX(x), top-8, bottom, barX(x), bottom+18, x)
	}
	y := top
	for _, g := range c.Groups {
		if g.Name != "" {
			fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" class=\"title\">%s</text>\n", barLeft, y+20, html.EscapeString(g.Name))
			y += barRow
		}
		for _, one := range g.Bars {
			one.write(b, y)
			y += barRow
		}
	}
	return end(b)
}

func (one Bar) write(b *bufio.Writer, y int) {
	fmt.Fprintf(b, `<text x="%d" y="%d" class="end">%s</text>
<rect x="%d" y="%d" width="%.1f" height="18" class="%s"/>
`, barLeft-10, y+14, html.EscapeString(one.Name), barLeft, y, one.Value*barAxis, fill(one.Color))
	if one.High > 0 {
		fmt.Fprintf(b, `<path d="M%.1f %d H%.1f m0 -4 v8 M%.1f %d v8" class="line ink" stroke-width="1.5"/>
`, barX(one.Low), y+9, barX(one.High), barX(one.Low), y+5)
	}
	fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\">%.3f</text>\n", barLeft+barAxis+12, y+14, one.Value)
	if one.Mark != nil {
		fmt.Fprintf(b, `<path d="M%.1f %d v24" class="mark" stroke-width="2"><title>%s</title></path>
`, barX(*one.Mark), y-3, html.EscapeString(one.MarkTitle))
	}
}

// barX is where a figure is on the axis.
func barX(x float64) float64 { return barLeft + barAxis*x }
