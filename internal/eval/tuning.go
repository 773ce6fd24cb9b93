package eval

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// LeastTuned is the number of questions without which nothing is tuned: one half of them
// chooses a setting, the other says how good it is.
const LeastTuned = 20

// Choice is a value of a setting.
type Choice struct {
	Name, Value string
}

// Trial is the evaluation of one choice of all settings.
type Trial struct {
	Choices []Choice // the same settings in all trials, in one order
	Result  *Result
	Latency float64 // of a question with its embedding, in milliseconds: the median
	Bytes   int64   // of the store
}

// Tuning says which of some trials answers best, and how sure that is. One half of the
// questions chooses, the other half reports, so that a figure is not the best of many
// draws of luck.
type Tuning struct {
	Objective string   `json:"objective"`
	Choosing  int      `json:"choosing"`  // questions of the half that chooses
	Reporting int      `json:"reporting"` // and of the other
	LeftOut   int      `json:"left_out"`  // questions that count in no trial, because some trial has no figure of them
	Tried     []Tried  `json:"trials"`
	Best      Best     `json:"best"`
	Effects   []Effect `json:"settings"`
}

// Tried are the figures of a trial.
type Tried struct {
	Choices map[string]string `json:"settings"`
	Chosen  float64           `json:"chosen_by"` // the mean over the half that chooses
	Figure                    // over the half that reports
	Latency float64           `json:"latency_ms"`
	Bytes   int64             `json:"bytes"`
	Front   bool              `json:"front"` // no other trial is as good in quality, time and bytes, and better in one
}

// String returns the settings: "mode=hybrid k=5".
func (t Tried) String() string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(t.Choices)) {
		all = append(all, name+"="+t.Choices[name])
	}
	return strings.Join(all, " ")
}

// Best is the trial that the first half of the questions chooses.
type Best struct {
	Trial     int     `json:"trial"`                    // index into the trials
	Share     float64 `json:"best_in"`                  // of the draws of the choosing half in which it is the best
	Change    Change  `json:"change"`                   // from the first trial, over the half that reports
	Certain   bool    `json:"certain"`                  // the change is above 0 with 95 % confidence
	Questions int     `json:"more_questions,omitempty"` // that would make a change of this size certain; 0: certain, or no gain
}

// Effect is what a setting does, over all choices of the others.
type Effect struct {
	Name            string `json:"name"`
	Best            string `json:"best"`  // the value that the choosing half prefers
	Worst           string `json:"worst"` // the one that it likes least
	Change          Change `json:"change"`
	Distinguishable bool   `json:"distinguishable"` // the change from worst to best is above 0 with 95 % confidence
}

// latencyTolerance is the ratio of two latencies below which they count as equal: they vary
// from run to run.
const latencyTolerance = 1.1

// ErrTooSlow says that no trial is as quick as is asked for.
var ErrTooSlow = errors.New("no setting is quick enough")

// Tune judges trials by a measure that all of them have. asked is the number of questions. The
// first trial is what the others are compared with. most is the longest latency of the best, in
// milliseconds; 0: any. Errors: too few questions have a figure in all trials; [ErrTooSlow].
func Tune(trials []Trial, asked int, objective Metric, most float64) (*Tuning, error) {
	scores := common(trials, objective.String())
	n := len(scores[0])
	if n < LeastTuned {
		return nil, fmt.Errorf("%d of %d questions have a figure with all settings: tuning takes at least %d", n, asked, LeastTuned)
	}
	t := &Tuning{Objective: objective.String(), Choosing: (n + 1) / 2, Reporting: n / 2, LeftOut: asked - n}
	choosing, reporting := halves(scores)
	for i, trial := range trials {
		tried := Tried{
			Choices: map[string]string{}, Chosen: mean(choosing[i]), Figure: NewFigure(reporting[i]),
			Latency: trial.Latency, Bytes: trial.Bytes,
		}
		for _, c := range trial.Choices {
			tried.Choices[c.Name] = c.Value
		}
		t.Tried = append(t.Tried, tried)
	}
	t.markFront()
	if t.Best.Trial = t.best(most); t.Best.Trial < 0 {
		return nil, ErrTooSlow
	}
	best := t.Best.Trial
	t.Best.Share = shareOfBest(choosing, best)
	t.Best.Change = changeOf(reporting[0], reporting[best])
	t.Best.Certain = t.Best.Change.Low > 0
	if !t.Best.Certain {
		t.Best.Questions = moreQuestions(reporting[0], reporting[best])
	}
	t.Effects = effects(trials, choosing, reporting)
	return t, nil
}

// common returns the scores of each trial for the questions that all trials have, in an order
// that depends only on the questions.
func common(trials []Trial, name string) [][]float64 {
	all := make([]map[string]float64, len(trials))
	for i, trial := range trials {
		all[i] = map[string]float64{}
		for _, o := range trial.Result.PerQuestion {
			key := o.Key
			for n := 2; ; n++ { // a question that is asked twice counts twice
				if _, taken := all[i][key]; !taken {
					break
				}
				key = o.Key + "#" + strconv.Itoa(n)
			}
			all[i][key] = o.Values[name]
		}
	}
	var keys []string
	asked := map[string]int{}
	for _, values := range all {
		for key := range values {
			if asked[key]++; asked[key] == len(trials) {
				keys = append(keys, key)
			}
		}
	}
	slices.Sort(keys)
	scores := make([][]float64, len(trials))
	for i := range scores {
		scores[i] = make([]float64, len(keys))
		for j, key := range keys {
			scores[i][j] = all[i][key]
		}
	}
	return scores
}

// halves divides the questions by turns: their order is that of hashes.
func halves(scores [][]float64) (choosing, reporting [][]float64) {
	choosing, reporting = make([][]float64, len(scores)), make([][]float64, len(scores))
	for i, values := range scores {
		for j, x := range values {
			if half := &choosing[i]; j%2 == 0 {
				*half = append(*half, x)
			} else {
				reporting[i] = append(reporting[i], x)
			}
		}
	}
	return choosing, reporting
}

// best returns the trial with the highest mean over the half that chooses, of those that are
// quick enough; the first of equal ones, -1 where there is none.
func (t *Tuning) best(most float64) int {
	best := -1
	for i, tried := range t.Tried {
		if (most == 0 || tried.Latency <= most) && (best < 0 || tried.Chosen > t.Tried[best].Chosen) {
			best = i
		}
	}
	return best
}

// markFront marks the Pareto front of quality, time and bytes.
func (t *Tuning) markFront() {
	for i := range t.Tried {
		a := &t.Tried[i]
		a.Front = !slices.ContainsFunc(t.Tried, func(b Tried) bool {
			asGood := b.Value >= a.Value && b.Latency <= a.Latency*latencyTolerance && b.Bytes <= a.Bytes
			return asGood && (b.Value > a.Value || b.Latency*latencyTolerance < a.Latency || b.Bytes < a.Bytes)
		})
	}
}

// shareOfBest returns in which share of the draws of the questions a trial has the highest
// mean, alone or with others.
func shareOfBest(scores [][]float64, trial int) float64 {
	n := 0
	draw(len(scores[0]), func(sample []int) {
		sums := make([]float64, len(scores))
		for i, values := range scores {
			for _, j := range sample {
				sums[i] += values[j]
			}
		}
		if sums[trial] >= slices.Max(sums) {
			n++
		}
	})
	return float64(n) / draws
}

// moreQuestions returns how many questions more, halved as these were, would make the mean
// change between two trials exceed its 95 % interval: (1.96 s/m)² of the normal approximation
// for a mean m with standard deviation s. It is 0 where the change is no gain.
func moreQuestions(before, after []float64) int {
	n := len(before)
	changes := make([]float64, n)
	for i := range changes {
		changes[i] = after[i] - before[i]
	}
	m, squares := mean(changes), 0.0
	if m <= 0 {
		return 0
	}
	for _, x := range changes {
		squares += (x - m) * (x - m)
	}
	needed := math.Ceil(1.96 * 1.96 * squares / float64(n-1) / (m * m))
	return 2 * max(1, int(needed)-n)
}

// effects compares the values of each setting that has several, over those choices of the other
// settings that were tried with all of its values.
func effects(trials []Trial, choosing, reporting [][]float64) []Effect {
	all := []Effect{}
	for s, first := range trials[0].Choices {
		byValue := groups(trials, s)
		if len(byValue) < 2 {
			continue
		}
		for i := range byValue {
			byValue[i].chosen = mean(over(choosing, byValue[i].trials))
		}
		higher := func(a, b group) int { return cmp.Compare(a.chosen, b.chosen) }
		best, worst := slices.MaxFunc(byValue, higher), slices.MinFunc(byValue, higher)
		if best.value == worst.value { // all are equal
			worst = byValue[1]
		}
		c := changeOf(over(reporting, worst.trials), over(reporting, best.trials))
		all = append(all, Effect{first.Name, best.value, worst.value, c, c.Low > 0})
	}
	return all
}

// group are the trials with one value of a setting.
type group struct {
	value  string
	trials []int
	chosen float64
}

// groups returns the trials by the value of their setting s, in the order in which values first
// come. A trial counts only where its other choices were tried with each value.
func groups(trials []Trial, s int) (byValue []group) {
	tried := map[string]int{} // by the other choices
	rest := func(trial Trial) string {
		return fmt.Sprintf("%q", slices.Delete(slices.Clone(trial.Choices), s, s+1))
	}
	for i, trial := range trials {
		tried[rest(trial)]++
		value := trial.Choices[s].Value
		at := slices.IndexFunc(byValue, func(g group) bool { return g.value == value })
		if at < 0 {
			at, byValue = len(byValue), append(byValue, group{value: value})
		}
		byValue[at].trials = append(byValue[at].trials, i)
	}
	for i := range byValue {
		g := &byValue[i]
		g.trials = slices.DeleteFunc(g.trials, func(trial int) bool { return tried[rest(trials[trial])] < len(byValue) })
		if len(g.trials) == 0 {
			return nil
		}
	}
	return byValue
}

// over returns the means of some trials, question by question.
func over(scores [][]float64, trials []int) []float64 {
	means := make([]float64, len(scores[0]))
	for _, i := range trials {
		for j, x := range scores[i] {
			means[j] += x / float64(len(trials))
		}
	}
	return means
}
