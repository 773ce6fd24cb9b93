package eval

import (
	"errors"
	"fmt"
	"slices"
)

// Change is how a measure changed from one result to another, over the questions
// that both have.
type Change struct {
	Before float64 `json:"before"`
	After  float64 `json:"after"`
	Change float64 `json:"change"`
	Low    float64 `json:"low"` // of the 95 % interval of the change
	High   float64 `json:"high"`
	Better int     `json:"better"` // questions
	Worse  int     `json:"worse"`
	Equal  int     `json:"equal"`

	most float64 // the change is below it with a probability of 95 %
}

// Comparison is two results side by side.
type Comparison struct {
	Paired     int               `json:"paired"`      // questions of both
	OnlyBefore int               `json:"only_before"` // questions of one, and those that expect something else
	OnlyAfter  int               `json:"only_after"`
	Metrics    map[string]Change `json:"metrics"`
}

// Compare compares two results, question by question. It fails where they have no
// question or no measure in common, or measured other things.
func Compare(before, after *Result) (*Comparison, error) {
	switch {
	case before.Level != after.Level:
		return nil, fmt.Errorf("one ranks by %s and the other by %s", before.Level, after.Level)
	case before.Gain != after.Gain:
		return nil, fmt.Errorf("one has the gain %s and the other %s", before.Gain, after.Gain)
	}
	pairs := pair(before.PerQuestion, after.PerQuestion)
	if len(pairs) == 0 {
		return nil, errors.New("no question is in both")
	}
	c := &Comparison{len(pairs), len(before.PerQuestion) - len(pairs), len(after.PerQuestion) - len(pairs), map[string]Change{}}
	for name := range after.Metrics {
		if _, both := before.Metrics[name]; both {
			c.Metrics[name] = change(pairs, name)
		}
	}
	if len(c.Metrics) == 0 {
		return nil, errors.New("no measure is in both")
	}
	return c, nil
}

// pair joins the outcomes of equal questions. One that was asked twice is paired in order.
func pair(before, after []Outcome) (pairs [][2]Outcome) {
	byKey := map[string][]Outcome{}
	for _, o := range before {
		byKey[o.Key] = append(byKey[o.Key], o)
	}
	for _, o := range after {
		if left := byKey[o.Key]; len(left) > 0 {
			pairs = append(pairs, [2]Outcome{left[0], o})
			byKey[o.Key] = left[1:]
		}
	}
	return pairs
}

func change(pairs [][2]Outcome, name string) Change {
	before, after := make([]float64, len(pairs)), make([]float64, len(pairs))
	for i, p := range pairs {
		before[i], after[i] = p[0].Values[name], p[1].Values[name]
	}
	return changeOf(before, after)
}

// changeOf returns the change between the values of the same questions.
func changeOf(before, after []float64) (c Change) {
	changes := make([]float64, len(before))
	for i := range changes {
		changes[i] = after[i] - before[i]
		switch {
		case changes[i] > 0:
			c.Better++
		case changes[i] < 0:
			c.Worse++
		default:
			c.Equal++
		}
	}
	means := resample(changes)
	c.Before, c.After, c.Change = mean(before), mean(after), mean(changes)
	c.Low, c.High, c.most = quantile(means, 0.025), quantile(means, 0.975), quantile(means, 0.95)
	return c
}

// Gate is what a result must reach.
type Gate struct {
	FailUnder map[string]float64 // by measure
	Baseline  *Result            // nil: none
	Tolerance map[string]float64 // how far below the baseline a measure may be; 0 where it is not there
	Strict    bool               // a drop counts however it may have come about
}

// Apply judges the figures of a result and returns the names of those that fail,
// sorted. A drop below the baseline fails where it exceeds the tolerance and, unless
// the gate is strict, chance alone would show it in less than 5 % of samples.
func (g *Gate) Apply(r *Result) (failed []string, err error) {
	var c *Comparison
	if g.Baseline != nil {
		if c, err = Compare(g.Baseline, r); err != nil {
			return nil, err
		}
	}
	for name, f := range r.Metrics {
		least, gated := g.FailUnder[name]
		ok := !gated || f.Value >= least
		if c != nil {
			if change, both := c.Metrics[name]; both {
				f.Baseline, f.Change, gated = &change.Before, &change.Change, true
				ok = ok && !(change.Change < -g.Tolerance[name] && (g.Strict || change.most < 0))
			}
		}
		if gated {
			f.OK = &ok
			r.Metrics[name] = f
		}
		if !ok {
			failed = append(failed, name)
		}
	}
	slices.Sort(failed)
	return failed, nil
}

// SameCorpus reports whether two results were made on the same sources, so that one
// can be the other's baseline. How these are split and embedded may differ.
func (f *Fingerprint) SameCorpus(other *Fingerprint) bool { return f.Sources == other.Sources }
