package main

import (
	"slices"
	"strings"
	"testing"
)

func TestGoals(t *testing.T) {
	t.Parallel()
	f := figures{
		"defs":     {first: .604, second: .667, multilingual: .5359, behindJudge: .745, minilmHybrid: .743},
		"para":     {first: .632, second: .6269, behindJudge: .872, minilmHybrid: .923},
		"para50":   {inFloat: .983, inInt8: .990},
		"lo-xr-es": {inFloat: .159, inInt8: .151},
	}
	for _, l := range languages {
		f["ddtp-"+l] = map[string]float64{multilingual: .728, mixed: .8, words: .8}
		f["lo-"+l] = map[string]float64{mixed: .7, words: .69}
	}
	f["lo-zh"][mixed] = .689
	var got []string
	for _, row := range f.table()[1:] {
		got = append(got, strings.Join(row[1:], " | "))
	}
	want := []string{
		".728 | .728 | reached", // each language has it
		" | .679 | not measured",
		" | .573 | not measured",
		" | .457 | not measured",
		".536 | .536 | reached", // as three digits show it
		" | .824 | not measured",
		"−.001 (zh) | 0 | missed",
		"+.007 (para50) | −.005 | reached",
		"−.008 (lo-xr-es) | −.005 | missed",
		"−.051 (para) | −.015 | missed",
		"+.002 (defs) | −.015 | reached",
		"−.005 (para) | −.005 | reached",
		"−.005 (para) | −.005 | reached",
		"+.063 (defs) | +.030 | reached",
		" | .020 | not measured",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Each column that a goal is about is measured.
func TestGoalsNameColumns(t *testing.T) {
	t.Parallel()
	var columns []string
	for _, e := range embedders {
		for _, m := range slices.Concat(e.modes, e.aside) {
			columns = append(columns, column(e.name, m))
		}
	}
	for _, c := range []string{first, second, words, behindJudge, multilingual, mixed, inFloat, inInt8, minilmHybrid} {
		if !slices.Contains(columns, c) {
			t.Errorf("%q is not measured", c)
		}
	}
}
