package lists

import (
	"math"
	"slices"
)

// Depths are the numbers of nearest rows for which it is measured how many lists have to be
// looked at. A search for more than the last looks at all.
var Depths = [...]int{10, 50, 256}

// Question is what a question of a sample tells: its nearest rows, and what it costs to find
// them.
type Question struct {
	Needs []int32 // of its nearest rows, the nearest first: how many lists are looked at before it is found
	Reads []int32 // in rising order, of all blocks: how many lists are looked at before it is read
}

// Point is what came of looking at so many lists.
type Point struct {
	Lists     int32
	_         int32
	Sure      float64 // recall that the choosing half of the questions is above with 99 % confidence
	Recall    float64 // of the reporting half, the mean
	Low, High float64 // and its 95 % interval
	Read      float64 // share of all blocks that is read, a mean over the reporting half
}

// Curve has the points of rising numbers of lists for one of [Depths].
type Curve []Point

// Measure makes the curve of each of [Depths]. Half of the questions, by turns, choose, the
// others report. n is how many lists there are.
func Measure(questions []Question, n int) []Curve {
	var choosing, reporting []Question
	for i, q := range questions {
		if i%2 == 0 {
			choosing = append(choosing, q)
		} else {
			reporting = append(reporting, q)
		}
	}
	curves := make([]Curve, len(Depths))
	for i, k := range Depths {
		for _, lists := range steps(n) {
			mean, deviation := meanOf(choosing, func(q Question) float64 { return q.recall(k, lists) })
			p := Point{Lists: lists, Sure: mean - oneSided*deviation}
			p.Recall, deviation = meanOf(reporting, func(q Question) float64 { return q.recall(k, lists) })
			p.Low, p.High = max(0, p.Recall-twoSided*deviation), min(1, p.Recall+twoSided*deviation)
			p.Read, _ = meanOf(reporting, func(q Question) float64 { return q.read(lists) })
			curves[i] = append(curves[i], p)
		}
	}
	return curves
}

// Quantiles of the normal distribution: how many deviations of a mean its true value is not
// below with 99 % confidence, or not away with 95 %.
const (
	oneSided = 2.326
	twoSided = 1.96
)

// stepsPerDoubling is how many numbers of lists are measured between one and twice as many.
const stepsPerDoubling = 4

// steps are rising numbers of lists below n.
func steps(n int) (all []int32) {
	for x := 1.0; int(x) < n; x *= math.Pow(2, 1.0/stepsPerDoubling) {
		all = append(all, int32(x))
	}
	return slices.Compact(all)
}

// recall is the share of the k nearest rows that is found by looking at so many lists.
func (q Question) recall(k int, lists int32) float64 {
	needs := q.Needs[:min(k, len(q.Needs))]
	if len(needs) == 0 {
		return 1
	}
	found := 0
	for _, need := range needs {
		if need <= lists {
			found++
		}
	}
	return float64(found) / float64(len(needs))
}

func (q Question) read(lists int32) float64 {
	n, _ := slices.BinarySearch(q.Reads, lists+1)
	return float64(n) / float64(max(1, len(q.Reads)))
}

// meanOf returns the mean of a figure over questions, and the standard deviation of the mean.
func meanOf(questions []Question, figure func(Question) float64) (mean, deviation float64) {
	n, squares := float64(max(1, len(questions))), 0.0
	for _, q := range questions {
		mean += figure(q)
	}
	mean /= n
	for _, q := range questions {
		squares += (figure(q) - mean) * (figure(q) - mean)
	}
	return mean, math.Sqrt(squares/max(1, n-1)) / math.Sqrt(n)
}

// Choose returns the point of the fewest lists that hold a recall for the k nearest rows: the
// choosing half of the questions is above it with confidence, and the other half does not
// refute it. It reports false where all lists have to be looked at, as always for a recall
// of 1.
func Choose(curves []Curve, k int, recall float64) (Point, bool) {
	i := slices.IndexFunc(Depths[:], func(depth int) bool { return k <= depth })
	if i < 0 || recall >= 1 {
		return Point{}, false
	}
	for _, p := range curves[i] {
		if p.Sure >= recall && p.Recall >= recall {
			return p, true
		}
	}
	return Point{}, false
}
