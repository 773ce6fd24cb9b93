package main

import (
	"maps"
	"math"
	"slices"
)

// figures are nDCG@10 by set and column.
type figures map[string]map[string]float64

// The columns that goals are about.
var (
	first        = column("builtin:1", "vector")
	second       = column("builtin", "vector")
	words        = column("builtin", "words")
	behindJudge  = column("builtin", judged)
	multilingual = column("builtin:multilingual", "vector")
	mixed        = column("builtin:multilingual", "hybrid")
	inFloat      = column("minilm", "vector")
	inInt8       = column("minilm:int8", "vector")
	minilmHybrid = column("minilm", "hybrid")
)

// englishSets are those of one kind of text each.
var englishSets = []string{"deb-en", "defs", "defs0", "diag", "ident", "lo-en", "man-en", "para", "para50"}

// languages are those of the sets in several.
var languages = []string{"de", "fr", "es", "ru", "ja", "zh"}

// goal is a figure that is to reach at least a limit.
type goal struct {
	what  string
	got   func(figures) outcome
	least float64
}

// outcome is a figure, and of which set or language it is where it is the worst of several.
type outcome struct {
	figure float64
	of     string
}

// goals are all of them.
var goals = []goal{
	{"`builtin:multilingual`, package descriptions, mean of six languages", mean("ddtp-", multilingual), .728},
	{"the same, asked in English", mean("ddtp-x-", multilingual), .679},
	{"`builtin:multilingual`, help pages, mean of six languages", mean("lo-", multilingual), .573},
	{"the same, asked in English", mean("lo-x-", multilingual), .457},
	{"`builtin:multilingual`, English definitions", of("defs", multilingual), .536},
	{"`builtin:multilingual`, English paraphrases", of("para50", multilingual), .824},
	{"`builtin:multilingual`, hybrid less words, descriptions and help pages of the worst language", worstLanguage(mixed, words), 0},
	{"`minilm:int8` less `minilm`, worst English set", worst(englishSets, inInt8, inFloat), -.005},
	{"the same, worst set of any language", worst(nil, inInt8, inFloat), -.005},
	{"`builtin` judged by `minilm:int8` less `minilm`, both hybrid, worst English set", worst(englishSets, behindJudge, minilmHybrid), -.015},
	{"the same, worst but for `para`", worst(without("para"), behindJudge, minilmHybrid), -.015},
	{"`builtin` less its first version, worst English set", worst(englishSets, second, first), -.005},
	{"the same, worst set of any language", worst(nil, second, first), -.005},
	{"the same, definitions", worst([]string{"defs"}, second, first), .03},
	{"the same, help pages in English", worst([]string{"lo-en"}, second, first), .02},
}

// table says how the figures stand to the goals, its head first.
func (f figures) table() [][]string {
	rows := [][]string{{"nDCG@10", "figure", "at least", ""}}
	for _, g := range goals {
		got := g.got(f)
		row := []string{g.what, "", signed(g.least, g.least <= 0 || got.of != ""), "not measured"}
		if !math.IsNaN(got.figure) {
			row[1] = signed(got.figure, got.of != "")
			if got.of != "" {
				row[1] += " (" + got.of + ")"
			}
			row[3] = "reached"
			if got.figure < g.least-.0005 { // as three digits show it
				row[3] = "missed"
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// signed writes a figure with three digits, and a difference with its sign.
func signed(x float64, difference bool) string {
	switch {
	case !difference:
		return short(x)
	case math.Abs(x) < .0005:
		return "0"
	case x < 0:
		return "−" + short(-x)
	}
	return "+" + short(x)
}

// at is the figure of a set in a column, NaN where it was not measured.
func (f figures) at(set, column string) float64 {
	if x, ok := f[set][column]; ok {
		return x
	}
	return math.NaN()
}

// of is the figure of one set.
func of(set, column string) func(figures) outcome {
	return func(f figures) outcome { return outcome{figure: f.at(set, column)} }
}

// mean is that of the sets of all languages whose names begin alike.
func mean(prefix, column string) func(figures) outcome {
	return func(f figures) outcome {
		sum := 0.0
		for _, l := range languages {
			sum += f.at(prefix+l, column)
		}
		return outcome{figure: sum / float64(len(languages))}
	}
}

// worst is the least difference of two columns, of the named sets or of all that have both.
func worst(sets []string, column, other string) func(figures) outcome {
	return func(f figures) outcome {
		least := outcome{figure: math.NaN()}
		for _, set := range slices.Sorted(maps.Keys(f)) {
			off := f.at(set, column) - f.at(set, other)
			if (sets == nil || slices.Contains(sets, set)) && !(off >= least.figure) && !math.IsNaN(off) {
				least = outcome{off, set}
			}
		}
		return least
	}
}

// worstLanguage is the least difference in the mean of a language's two sets; NaN where one was not measured.
func worstLanguage(column, other string) func(figures) outcome {
	return func(f figures) outcome {
		least := outcome{figure: math.NaN()}
		for _, l := range languages {
			off := 0.0
			for _, set := range []string{"ddtp-" + l, "lo-" + l} {
				off += (f.at(set, column) - f.at(set, other)) / 2
			}
			switch {
			case math.IsNaN(off):
				return outcome{figure: off}
			case !(off >= least.figure):
				least = outcome{off, l}
			}
		}
		return least
	}
}

// without are the English sets but one.
func without(set string) []string {
	return slices.DeleteFunc(slices.Clone(englishSets), func(s string) bool { return s == set })
}
