package plot

import (
	"encoding/xml"
	"io"
	"strconv"
	"strings"
	"testing"
)

// drawn has the elements of a drawing by name, and the texts that it shows.
func drawn(t *testing.T, write func(io.Writer) error) (elements map[string][]map[string]string, texts []string) {
	t.Helper()
	var b strings.Builder
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	elements = map[string][]map[string]string{}
	name := ""
	for d := xml.NewDecoder(strings.NewReader(b.String())); ; {
		token, err := d.Token()
		if err == io.EOF {
			return elements, texts
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, b.String())
		}
		switch token := token.(type) {
		case xml.StartElement:
			name = token.Name.Local
			attributes := map[string]string{}
			for _, a := range token.Attr {
				attributes[a.Name.Local] = a.Value
			}
			elements[name] = append(elements[name], attributes)
		case xml.CharData:
			if name == "text" || name == "title" {
				texts = append(texts, strings.TrimSpace(string(token)))
			}
		}
	}
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestPointsLieWhereTheyBelong: on a logarithmic axis each factor is equally long.
func TestPointsLieWhereTheyBelong(t *testing.T) {
	t.Parallel()
	p := Points{
		Title: "a < b", X: Axis{Low: 1, High: 10_000, Log: true, Ticks: []Tick{{100, "a hundred"}}}, Y: Axis{Low: 0, High: 10},
		Lines: []Line{{Joined: true, Points: []Point{{X: 1, Y: 0}, {X: 100, Y: 5, Hollow: true, Label: "<2>"}, {X: 10_000, Y: 10}}}},
	}
	elements, texts := drawn(t, p.WriteSVG)
	for i, want := range [][2]float64{{left, top + height}, {left + width/2, top + height/2}, {left + width, top}} {
		circle := elements["circle"][i]
		if number(t, circle["cx"]) != want[0] || number(t, circle["cy"]) != want[1] {
			t.Errorf("point %d is at %s %s, want %v", i, circle["cx"], circle["cy"], want)
		}
	}
	if hollow, filled := elements["circle"][1]["class"], elements["circle"][0]["class"]; hollow == filled {
		t.Error("a hollow point is filled")
	}
	for _, want := range []string{"a < b", "a hundred", "<2>"} {
		if !strings.Contains(strings.Join(texts, "\n"), want) {
			t.Errorf("%q is not shown: %q", want, texts)
		}
	}
}

// TestLineWithoutPoints: a line that has none is nothing in the drawing.
func TestLineWithoutPoints(t *testing.T) {
	t.Parallel()
	p := Points{X: Axis{High: 1}, Y: Axis{High: 1}, Lines: []Line{{Name: "none", Joined: true}}}
	if elements, texts := drawn(t, p.WriteSVG); len(elements["path"]) > 0 || strings.Join(texts, "") != "" {
		t.Errorf("%v, %q", elements["path"], texts)
	}
}

// TestNamesDoNotOverlap: lines that end at the same place have their names one below the
// other, in the drawing, and those of a colour of their own.
func TestNamesDoNotOverlap(t *testing.T) {
	t.Parallel()
	for _, end := range []float64{0, 5, 10} {
		p := Points{X: Axis{Low: 0, High: 1}, Y: Axis{Low: 0, High: 10}}
		for i := range colors {
			p.Lines = append(p.Lines, Line{Name: "line " + strconv.Itoa(i), Color: i, Points: []Point{{X: 1, Y: end}}})
		}
		elements, _ := drawn(t, p.WriteSVG)
		seen := map[string]bool{}
		var at []float64
		for _, text := range elements["text"] {
			if text["font-weight"] != "" {
				seen[text["class"]] = true
				at = append(at, number(t, text["y"]))
			}
		}
		if len(at) != len(colors) || len(seen) != len(colors) {
			t.Fatalf("%d names in %d colours, want %d", len(at), len(seen), len(colors))
		}
		for i, y := range at {
			if y < top || y > top+height+nameRow || i > 0 && at[i-1]-y < nameRow {
				t.Errorf("lines end at %v: their names are at %v", end, at)
				break
			}
		}
	}
}

func TestBars(t *testing.T) {
	t.Parallel()
	half := 0.5
	c := Bars{Title: "figures", Groups: []Group{
		{Name: "first & only", Bars: []Bar{{Name: "with", Value: 0.25, Low: 0.2, High: 0.3, Mark: &half, MarkTitle: "before"}}},
		{Bars: []Bar{{Name: "without", Value: 1, Color: 1}}},
	}}
	elements, texts := drawn(t, c.WriteSVG)
	bars := elements["rect"][1:] // behind the page
	if len(bars) != 2 || number(t, bars[0]["width"]) != barAxis/4 || number(t, bars[1]["width"]) != barAxis || bars[0]["class"] == bars[1]["class"] {
		t.Errorf("bars %v", bars)
	}
	if below := number(t, bars[1]["y"]) - number(t, bars[0]["y"]); below != barRow {
		t.Errorf("the second bar is %v below the first", below)
	}
	const grid = 6
	if extra := len(elements["path"]) - grid; extra != 2 {
		t.Errorf("%d lines for an interval and a mark", extra)
	}
	for _, want := range []string{"figures", "first & only", "with", "without", "0.250", "1.000", "before"} {
		if !strings.Contains(strings.Join(texts, "\n"), want) {
			t.Errorf("%q is not shown: %q", want, texts)
		}
	}
}
