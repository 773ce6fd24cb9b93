package eval

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Metric is a measure of a ranking that looks at its first K places.
type Metric struct {
	Name string // one of MetricNames
	K    int
}

// measures are the measures that there are. Each is given the grades of the places
// of a ranking, K at most, and those of all that is relevant, the highest first,
// which are not none. They are those of trec_eval: ndcg_cut, recall, P, recip_rank
// of the first K, map_cut, success.
var measures = []measure{
	{"ndcg", func(found, relevant []int, k int, gain Gain) float64 {
		return dcg(found, gain) / dcg(relevant[:min(k, len(relevant))], gain)
	}},
	{"recall", func(found, relevant []int, _ int, _ Gain) float64 {
		return float64(hits(found)) / float64(len(relevant))
	}},
	{"precision", func(found, _ []int, k int, _ Gain) float64 { return float64(hits(found)) / float64(k) }},
	{"mrr", func(found, _ []int, _ int, _ Gain) float64 {
		if first := firstRelevant(found); first > 0 {
			return 1 / float64(first)
		}
		return 0
	}},
	{"map", averagePrecision},
	{"success", func(found, _ []int, _ int, _ Gain) float64 { return float64(min(hits(found), 1)) }},
}

type measure struct {
	name  string
	score func(found, relevant []int, k int, gain Gain) float64
}

// MetricNames returns the names of the measures.
func MetricNames() (names []string) {
	for _, m := range measures {
		names = append(names, m.name)
	}
	return names
}

// ParseMetric reads NAME@K. Without @K it is the given one.
func ParseMetric(text string, k int) (Metric, error) {
	name, cut, given := strings.Cut(text, "@")
	if !slices.Contains(MetricNames(), name) {
		return Metric{}, fmt.Errorf("%q is no measure: %s", text, strings.Join(MetricNames(), ", "))
	}
	if given {
		var err error
		if k, err = strconv.Atoi(cut); err != nil || k < 1 {
			return Metric{}, fmt.Errorf("%q: what follows the @ must be a whole number from 1 on", text)
		}
	}
	return Metric{name, k}, nil
}

func (m Metric) String() string { return fmt.Sprintf("%s@%d", m.Name, m.K) }

// Score returns the measure of a ranking: found has the grades of its places, the
// best place first, relevant those of all relevant documents or sources, found or
// not. Grades of 0 and less are not relevant. Where nothing is relevant it is 0.
func (m Metric) Score(found, relevant []int, gain Gain) float64 {
	relevant = slices.DeleteFunc(slices.Clone(relevant), func(grade int) bool { return grade <= 0 })
	if len(relevant) == 0 {
		return 0
	}
	slices.SortFunc(relevant, func(a, b int) int { return b - a })
	i := slices.IndexFunc(measures, func(known measure) bool { return known.name == m.Name })
	return measures[i].score(found[:min(m.K, len(found))], relevant, m.K, gain)
}

// Gain is how much a grade counts in ndcg.
type Gain string

// The gains.
const (
	Linear      Gain = "linear" // the grade itself, as in trec_eval
	Exponential Gain = "exp"    // 2^grade - 1, after Burges et al. (2005)
)

func (g Gain) of(grade int) float64 {
	switch {
	case grade <= 0:
		return 0
	case g == Exponential:
		return math.Exp2(float64(grade)) - 1
	}
	return float64(grade)
}

// dcg is the discounted cumulative gain (Järvelin and Kekäläinen, 2002).
func dcg(grades []int, gain Gain) (sum float64) {
	for i, grade := range grades {
		sum += gain.of(grade) / math.Log2(float64(i+2))
	}
	return sum
}

func hits(grades []int) (n int) {
	for _, grade := range grades {
		if grade > 0 {
			n++
		}
	}
	return n
}

// firstRelevant returns the first place, from 1, that is relevant; 0: none is.
func firstRelevant(grades []int) int {
	return slices.IndexFunc(grades, func(grade int) bool { return grade > 0 }) + 1
}

func averagePrecision(found, relevant []int, _ int, _ Gain) (sum float64) {
	n := 0
	for i, grade := range found {
		if grade > 0 {
			n++
			sum += float64(n) / float64(i+1)
		}
	}
	return sum / float64(len(relevant))
}
