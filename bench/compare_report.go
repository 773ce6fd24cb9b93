package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"sheaf/bench/page"
	"sheaf/internal/plot"
	"sheaf/internal/publish"
)

// compareWriter is what the pages name as the writer of the figures.
const compareWriter = "go run ./bench -only compare"

// Where the figures go, from the repository's root.
const (
	comparePage   = "docs/benchmarks.md"
	compareReadme = "README.md"
	drawings      = "examples" // where the other pictures are
)

// sized is what was measured with some number of documents.
type sized struct {
	documents int
	rows      []figures
}

// curve is a drawing of a figure over the number of documents.
type curve struct {
	file, title string
	of          func(figures) float64
}

var curves = []curve{
	{"compare-time.svg", "One query from start to end: milliseconds over documents", func(f figures) float64 { return inMillis(f.shot.median()) }},
	{"compare-running.svg", "One query in a running process: milliseconds over documents", func(f figures) float64 { return inMillis(f.one.median()) }},
	{"compare-memory.svg", "Peak memory of one query: MB over documents", func(f figures) float64 { return float64(f.shot.peak()) / 1e6 }},
	{"compare-ingest.svg", "Making the index: milliseconds over documents", func(f figures) float64 { return inMillis(f.build.median()) }},
}

const qualityDrawing = "compare-quality.svg"

func inMillis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// publish writes the figures into the documentation, and draws them.
func (c *comparer) publish(all []sized, scores []scored) error {
	date, err := keep(&c.kept, "date", func() (string, error) { return time.Now().Format("2 January 2006"), nil })
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s, %s, %d cores, %d rounds (%d of making; from %s documents on %d, and one). Medians, the fastest in brackets.\n",
		date, processor(), runtime.NumCPU(), c.rounds, min(c.rounds, compareBuilds), commas(large), min(c.rounds, compareLarge))
	for _, s := range all {
		text += fmt.Sprintf("\n%s documents, asked:\n\n%s\n%s documents, made:\n\n%s",
			commas(s.documents), page.Table(askedTable(s.rows)), commas(s.documents), page.Table(madeTable(s.rows)))
	}
	text += c.missingTable() + "\n"
	for _, drawn := range curves {
		text += fmt.Sprintf("![%s](../%s/%s)\n", drawn.title, drawings, drawn.file)
		if err := draw(drawn.file, drawn.points(all).WriteSVG); err != nil {
			return err
		}
	}
	text += fmt.Sprintf("\n%s of the answers:\n\n%s\n", qualityTitle, page.Table(qualityTable(scores)))
	text += fmt.Sprintf("![%s](../%s/%s)\n", qualityTitle, drawings, qualityDrawing)
	if err := draw(qualityDrawing, qualityBars(scores).WriteSVG); err != nil {
		return err
	}
	if err := page.Write(comparePage, compareWriter, text); err != nil {
		return err
	}
	for _, s := range all {
		if s.documents == middle {
			return page.Write(compareReadme, compareWriter, page.Table(shortTable(s.rows)))
		}
	}
	return nil
}

func draw(file string, write func(io.Writer) error) error {
	return publish.Write([]string{filepath.Join(drawings, file)}, func(files []*os.File) error { return write(files[0]) })
}

// processor names this machine's.
func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return runtime.GOARCH
}

// label is what a system is called in tables and drawings.
func (s *system) label() string { return strings.TrimSpace(s.title + " " + s.version) }

// askedTable has what the systems take to answer. The first is sheaf.
func askedTable(rows []figures) [][]string {
	table := [][]string{{"", "looks at", "recall@10", "one query, a process", "÷ sheaf", "peak memory", "one query, running", "÷ sheaf"}}
	many := len(rows[0].all) > 0
	if many {
		table[0] = append(table[0], fmt.Sprint(compareQueries, " queries, running"), "÷ sheaf")
	}
	for _, f := range rows {
		row := []string{
			f.label(), f.kind, fmt.Sprintf("%.3f", f.recall),
			cell(f.shot), ratio(f.shot.median(), rows[0].shot.median()), megabytes(f.shot.peak()),
			cell(f.one), ratio(f.one.median(), rows[0].one.median()),
		}
		if many {
			row = append(row, cell(f.all), ratio(f.all.median(), rows[0].all.median()))
		}
		table = append(table, row)
	}
	return table
}

// madeTable has what the systems take to make their indexes.
func madeTable(rows []figures) [][]string {
	table := [][]string{{"", "keeps", "time", "÷ sheaf", "peak memory", "on disk"}}
	for _, f := range rows {
		table = append(table, []string{
			f.label(), f.keeps, cell(f.build), ratio(f.build.median(), rows[0].build.median()),
			megabytes(f.build.peak()), megabytes(f.bytes),
		})
	}
	return table
}

// shortTable is that of the README.
func shortTable(rows []figures) [][]string {
	table := [][]string{{"", "one query, a process", "its memory", "one query, running", "made in", "recall@10"}}
	for _, f := range rows {
		table = append(table, []string{
			f.title, brief(f.shot.median()), megabytes(f.shot.peak()), brief(f.one.median()), brief(f.build.median()), fmt.Sprintf("%.3f", f.recall),
		})
	}
	return table
}

// missingTable says which systems could not be measured, and why.
func (c *comparer) missingTable() string {
	rows := [][]string{{"not measured", "reason"}}
	for _, s := range c.systems {
		if s.missing != "" {
			rows = append(rows, []string{s.title, s.missing})
		}
	}
	for _, s := range c.slow {
		rows = append(rows, []string{fmt.Sprintf("%s, %s documents", s.title, commas(large)), "making the index of " + commas(middle) + " takes " + brief(s.build.median())})
	}
	if len(rows) == 1 {
		return ""
	}
	return "\n" + page.Table(rows)
}

var qualityTitle = qualityMetric.String()

func qualityTable(scores []scored) [][]string {
	table := [][]string{{"set", "documents", "questions"}}
	for _, w := range scores[0].Ways {
		table[0] = append(table[0], w.Name)
	}
	for _, s := range scores {
		row := []string{fmt.Sprintf("`%s`: %s", s.Name, s.Title), strconv.Itoa(s.Documents), strconv.Itoa(s.Questions)}
		for _, w := range s.Ways {
			row = append(row, fmt.Sprintf("%.3f ± %.3f", w.Value, (w.High-w.Low)/2))
		}
		table = append(table, row)
	}
	return table
}

// qualityBars draws a group for each set; sheaf's bars have the colour of its lines.
func qualityBars(scores []scored) *plot.Bars {
	bars := &plot.Bars{Title: qualityTitle + " with the vectors of all-MiniLM-L6-v2"}
	for _, s := range scores {
		g := plot.Group{Name: s.Name + ": " + s.Title}
		for _, w := range s.Ways {
			color := len(systems()) - 1
			if strings.HasPrefix(w.Name, "sheaf") {
				color = 0
			}
			g.Bars = append(g.Bars, plot.Bar{Name: w.Name, Value: w.Value, Low: w.Low, High: w.High, Color: color})
		}
		bars.Groups = append(bars.Groups, g)
	}
	return bars
}

// points draws a line for each system, both axes logarithmic.
func (c curve) points(all []sized) *plot.Points {
	p := &plot.Points{Title: c.title, X: plot.Axis{Log: true, Low: float64(all[0].documents) / 1.25, High: float64(all[len(all)-1].documents) * 1.25}}
	low, high := math.Inf(1), 0.0
	for _, s := range all {
		p.X.Ticks = append(p.X.Ticks, plot.Tick{At: float64(s.documents), Text: commas(s.documents)})
		for _, f := range s.rows {
			y := c.of(f)
			low, high = min(low, y), max(high, y)
			i := slices.IndexFunc(p.Lines, func(l plot.Line) bool { return l.Name == f.title })
			if i < 0 {
				i = len(p.Lines)
				p.Lines = append(p.Lines, plot.Line{Name: f.title, Color: i, Joined: true, Bold: i == 0})
			}
			p.Lines[i].Points = append(p.Lines[i].Points, plot.Point{
				X: float64(s.documents), Y: y, Title: fmt.Sprintf("%s, %s documents: %.3g", f.label(), commas(s.documents), y),
			})
		}
	}
	p.Y = decades(low, high)
	return p
}

// decades is a logarithmic axis of whole powers of ten that has the figures from low to high.
func decades(low, high float64) plot.Axis {
	first, last := int(math.Floor(math.Log10(low))), int(math.Ceil(math.Log10(high)))
	last = max(last, first+1)
	a := plot.Axis{Log: true, Low: math.Pow10(first), High: math.Pow10(last)}
	for e := first; e <= last; e++ {
		text := strconv.FormatFloat(math.Pow10(e), 'f', max(0, -e), 64)
		if e >= 3 {
			text = commas(int(math.Pow10(e)))
		}
		a.Ticks = append(a.Ticks, plot.Tick{At: math.Pow10(e), Text: text})
	}
	return a
}

// cell is the median, and the fastest in brackets.
func cell(s series) string { return brief(s.median()) + " (" + brief(s.fastest()) + ")" }

// brief writes a duration in milliseconds or seconds, with two or three digits that count.
func brief(d time.Duration) string {
	switch ms := inMillis(d); {
	case ms < 10:
		return fmt.Sprintf("%.2f ms", ms)
	case ms < 100:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 1000:
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// commas writes 1000 as 1,000.
func commas(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
