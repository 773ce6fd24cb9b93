package eval

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Where things are in a drawing, in pixels.
const (
	svgLeft  = 140 // of the axis
	svgAxis  = 400 // its length, for 0 to 1
	svgRow   = 32
	svgTop   = 44 // of the first row
	svgWidth = svgLeft + svgAxis + 80
)

// WriteSVG draws the figures of a result: a bar each from 0 to 1, a line over its
// interval, and a mark where the baseline is.
func (r *Result) WriteSVG(w io.Writer) error {
	b := bufio.NewWriter(w)
	bottom := svgTop + svgRow*len(r.Metrics)
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13">
<rect width="100%%" height="100%%" fill="white"/>
<text x="%d" y="24" font-weight="bold">%d questions, k %d, ranked by %s</text>
`, svgWidth, bottom+30, svgLeft, r.Questions, r.K, r.Level)
	for i := range 6 {
		x := float64(i) / 5
		fmt.Fprintf(b, `<path d="M%.1f %d V%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle" fill="#666">%.1f</text>
`, svgX(x), svgTop-8, bottom, svgX(x), bottom+18, x)
	}
	for i, name := range slices.Sorted(maps.Keys(r.Metrics)) {
		f, y := r.Metrics[name], svgTop+svgRow*i
		fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text>
<rect x="%d" y="%d" width="%.1f" height="18" fill="#7aa6d6"/>
<path d="M%.1f %d H%.1f m0 -4 v8 M%.1f %d v8" stroke="#223" stroke-width="1.5" fill="none"/>
<text x="%d" y="%d">%.3f</text>
`, svgLeft-10, y+14, name, svgLeft, y, f.Value*svgAxis,
			svgX(f.Low), y+9, svgX(f.High), svgX(f.Low), y+5, svgLeft+svgAxis+12, y+14, f.Value)
		if f.Baseline != nil {
			fmt.Fprintf(b, `<path d="M%.1f %d v24" stroke="#c33" stroke-width="2"><title>baseline %.3f</title></path>
`, svgX(*f.Baseline), y-3, *f.Baseline)
		}
	}
	b.WriteString("</svg>\n")
	return b.Flush()
}

// svgX is where a figure is on the axis.
func svgX(x float64) float64 { return svgLeft + svgAxis*x }
