package eval

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"

	"sheaf/internal/plot"
)

// barColor is that of the bars, and of the points of a tuning.
const barColor = 8

// WriteSVG draws the figures of a result: a bar each from 0 to 1, a line over its
// interval, and a mark where the baseline is.
func (r *Result) WriteSVG(w io.Writer) error {
	var bars []plot.Bar
	for _, name := range slices.Sorted(maps.Keys(r.Metrics)) {
		f := r.Metrics[name]
		bar := plot.Bar{Name: name, Value: f.Value, Low: f.Low, High: f.High, Mark: f.Baseline, Color: barColor}
		if f.Baseline != nil {
			bar.MarkTitle = fmt.Sprintf("baseline %.3f", *f.Baseline)
		}
		bars = append(bars, bar)
	}
	title := fmt.Sprintf("%d questions, k %d, ranked by %s", r.Questions, r.K, r.Level)
	return (&plot.Bars{Title: title, Groups: []plot.Group{{Bars: bars}}}).WriteSVG(w)
}

// WriteSVG draws the trials of a tuning: how good they are over how long a question takes, on
// a logarithmic axis. Those of the Pareto front are filled and joined. Each has its number,
// from 1, and its settings as a title.
func (t *Tuning) WriteSVG(w io.Writer) error {
	front := plot.Line{Joined: true, Color: barColor}
	others := plot.Line{Color: barColor}
	var latencies, figures []float64 // latencies as logarithms
	for i, tried := range t.Tried {
		latencies, figures = append(latencies, math.Log(tried.Latency)), append(figures, tried.Value)
		line := &others
		if tried.Front {
			line = &front
		}
		line.Points = append(line.Points, plot.Point{X: tried.Latency, Y: tried.Value, Hollow: !tried.Front, Label: strconv.Itoa(i + 1), Title: tried.String()})
	}
	slices.SortStableFunc(front.Points, func(a, b plot.Point) int { return cmp.Compare(a.X, b.X) })
	p := plot.Points{
		Title: fmt.Sprintf("%s over milliseconds a question, %d questions", t.Objective, t.Reporting),
		X:     spanning(latencies, 0.1, math.Exp, "%.3g"),
		Y:     spanning(figures, 0.01, func(x float64) float64 { return x }, "%.3f"),
		Lines: []plot.Line{front, others},
	}
	p.X.Log = true
	return p.WriteSVG(w)
}

// spanning returns an axis with room for all of the positions and some beyond them, of the
// figures that at gives for positions.
func spanning(positions []float64, room float64, at func(float64) float64, format string) plot.Axis {
	low, high := slices.Min(positions), slices.Max(positions)
	room = max(room, (high-low)/10)
	low, high = low-room, high+room
	a := plot.Axis{Low: at(low), High: at(high)}
	for i := range 5 {
		x := at(low + float64(i)/4*(high-low))
		a.Ticks = append(a.Ticks, plot.Tick{At: x, Text: fmt.Sprintf(format, x)})
	}
	return a
}
