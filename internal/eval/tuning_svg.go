package eval

import (
	"bufio"
	"cmp"
	"fmt"
	"html"
	"io"
	"math"
	"slices"
)

// The plot of a tuning, in pixels.
const (
	plotLeft, plotTop     = 70, 44
	plotWidth, plotHeight = 520, 320
)

// WriteSVG draws the trials of a tuning: how good they are over how long a question takes, on
// a logarithmic axis. Those of the Pareto front are filled and joined. Each has its number,
// from 1, and its settings as a title.
func (t *Tuning) WriteSVG(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13">
<rect width="100%%" height="100%%" fill="white"/>
<text x="%d" y="24" font-weight="bold">%s over milliseconds a question, %d questions</text>
`, plotLeft+plotWidth+40, plotTop+plotHeight+50, plotLeft, t.Objective, t.Reporting)
	x, y := t.plotX(), t.plotY()
	for i := range 5 {
		share := float64(i) / 4
		fmt.Fprintf(b, `<path d="M%d %.1f h%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end" fill="#666">%.3f</text>
`, plotLeft, y.at(share), plotWidth, plotLeft-8, y.at(share)+4, y.low+share*(y.high-y.low))
		fmt.Fprintf(b, `<path d="M%.1f %d v%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle" fill="#666">%.3g</text>
`, x.at(share), plotTop, plotHeight, x.at(share), plotTop+plotHeight+20, math.Exp(x.low+share*(x.high-x.low)))
	}
	order := make([]int, 0, len(t.Tried))
	for i, tried := range t.Tried {
		if tried.Front {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(t.Tried[i].Latency, t.Tried[j].Latency) })
	for n, i := range order {
		command := 'L'
		if n == 0 {
			b.WriteString(`<path fill="none" stroke="#7aa6d6" d="`)
			command = 'M'
		}
		fmt.Fprintf(b, "%c%.1f %.1f", command, x.of(math.Log(t.Tried[i].Latency)), y.of(t.Tried[i].Value))
	}
	b.WriteString("\"/>\n")
	for i, tried := range t.Tried {
		fill := "white"
		if tried.Front {
			fill = "#7aa6d6"
		}
		px, py := x.of(math.Log(tried.Latency)), y.of(tried.Value)
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="5" fill="%s" stroke="#223"><title>%s</title></circle><text x="%.1f" y="%.1f">%d</text>
`, px, py, fill, html.EscapeString(tried.String()), px+8, py-6, i+1)
	}
	b.WriteString("</svg>\n")
	return b.Flush()
}

// axis maps figures to pixels.
type axis struct {
	low, high  float64 // figures at the ends
	start, end float64 // pixels
}

func (a axis) of(x float64) float64     { return a.at((x - a.low) / (a.high - a.low)) }
func (a axis) at(share float64) float64 { return a.start + share*(a.end-a.start) }

// plotX returns the axis of the logarithms of latencies, plotY that of the figures.
func (t *Tuning) plotX() axis {
	return spanning(t.Tried, func(tried Tried) float64 { return math.Log(tried.Latency) }, 0.1, plotLeft, plotLeft+plotWidth)
}

func (t *Tuning) plotY() axis {
	return spanning(t.Tried, func(tried Tried) float64 { return tried.Value }, 0.01, plotTop+plotHeight, plotTop)
}

// spanning returns an axis with room for the figures of all trials, and some beyond them.
func spanning(all []Tried, figure func(Tried) float64, room float64, start, end float64) axis {
	a := axis{math.Inf(1), math.Inf(-1), start, end}
	for _, tried := range all {
		a.low, a.high = min(a.low, figure(tried)), max(a.high, figure(tried))
	}
	room = max(room, (a.high-a.low)/10)
	a.low, a.high = a.low-room, a.high+room
	return a
}
