package eval

import (
	"fmt"
	"math"
	"testing"
)

// resultOf returns a result with a question for each value of success@1, whose key
// is its place.
func resultOf(values ...float64) *Result {
	r := &Result{Level: ByDocument, Gain: Linear}
	for i, x := range values {
		r.PerQuestion = append(r.PerQuestion, Outcome{ID: fmt.Sprint(i), Key: fmt.Sprint(i), Values: map[string]float64{"success@1": x}})
	}
	r.Summarize([]Metric{{"success", 1}})
	return r
}

// times returns n times the values.
func times(n int, values ...float64) (all []float64) {
	for range n {
		all = append(all, values...)
	}
	return all
}

// The interval is that of the normal distribution, about, and the same every time.
func TestInterval(t *testing.T) {
	t.Parallel()
	f := NewFigure(times(200, 0, 1))
	half := 1.96 * math.Sqrt(.25/400)
	if f.Value != 0.5 || math.Abs(f.Low-(0.5-half)) > 0.01 || math.Abs(f.High-(0.5+half)) > 0.01 {
		t.Errorf("%+v, want 0.5 ± %.4f", f, half)
	}
	if again := NewFigure(times(200, 0, 1)); again != f {
		t.Errorf("%+v the first time and %+v the second", f, again)
	}
	if f := NewFigure(times(7, 0.25)); f.Low != 0.25 || f.High != 0.25 {
		t.Errorf("of equal values: %+v", f)
	}
	if f := NewFigure(nil); f != (Figure{}) {
		t.Errorf("of nothing: %+v", f)
	}
}

func TestDetectable(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]float64{25: .047, 50: .035, 100: .025, 200: .018} {
		if got := Detectable(n); math.Abs(got-want) > 0.0035 {
			t.Errorf("%d questions: %.4f, measured was %v", n, got, want)
		}
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	before, after := resultOf(times(20, 0, 0.5, 1)...), resultOf(times(20, 0, 1, 0.75)...)
	before.PerQuestion = append(before.PerQuestion, Outcome{Key: "gone"})
	after.PerQuestion = append(after.PerQuestion, Outcome{Key: "new"}, Outcome{Key: "0", Values: before.PerQuestion[0].Values}) // 0 is asked twice
	c, err := Compare(before, after)
	if err != nil {
		t.Fatal(err)
	}
	got := c.Metrics["success@1"]
	if c.Paired != 60 || c.OnlyBefore != 1 || c.OnlyAfter != 2 || got.Better != 20 || got.Worse != 20 || got.Equal != 20 {
		t.Errorf("%+v", c)
	}
	if math.Abs(got.Change-0.25/3) > 1e-12 || math.Abs(got.After-got.Before-got.Change) > 1e-12 || got.Low > 0.08 || got.Low < -0.02 || got.High < 0.09 || got.High > 0.18 {
		t.Errorf("%+v", got)
	}
}

func TestCompareRefused(t *testing.T) {
	t.Parallel()
	base := resultOf(1, 0)
	for want, other := range map[string]*Result{
		"one ranks by document and the other by source": {Level: BySource, Gain: Linear},
		"one has the gain linear and the other exp":     {Level: ByDocument, Gain: Exponential},
		"no question is in both":                        {Level: ByDocument, Gain: Linear},
		"no measure is in both":                         {Level: ByDocument, Gain: Linear, PerQuestion: base.PerQuestion},
	} {
		if _, err := Compare(base, other); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// The gate is paired and one-sided: a drop fails when it exceeds the tolerance and is
// more than chance, or at once when the gate is strict.
func TestGate(t *testing.T) {
	t.Parallel()
	base := resultOf(times(25, 1, 0, 1, 0)...)
	for _, test := range []struct {
		name   string
		values []float64
		gate   Gate
		ok     bool
	}{
		{"the same", times(25, 1, 0, 1, 0), Gate{Baseline: base}, true},
		{"better", times(25, 1, 1, 1, 0), Gate{Baseline: base, Strict: true}, true},
		{"a clear drop", times(25, 0.5, 0, 1, 0), Gate{Baseline: base}, false},
		{"a clear drop within the tolerance", times(25, 0.5, 0, 1, 0), Gate{Baseline: base, Tolerance: map[string]float64{"success@1": 0.125}}, true},
		{"a clear drop beyond the tolerance", times(25, 0.5, 0, 1, 0), Gate{Baseline: base, Tolerance: map[string]float64{"success@1": 0.1}}, false},
		{"a drop that may be chance", append(times(24, 1, 0, 1, 0), 0, 0, 1, 0), Gate{Baseline: base}, true},
		{"the same, strictly", append(times(24, 1, 0, 1, 0), 0, 0, 1, 0), Gate{Baseline: base, Strict: true}, false},
		{"questions change places", times(25, 0, 1, 0, 1), Gate{Baseline: base}, true},
		{"above its limit", times(25, 1, 0, 1, 0), Gate{FailUnder: map[string]float64{"success@1": 0.5}}, true},
		{"below its limit", times(25, 1, 0, 1, 0), Gate{FailUnder: map[string]float64{"success@1": 0.51}}, false},
		{"better than the baseline, below its limit", times(25, 1, 1, 1, 0), Gate{Baseline: base, FailUnder: map[string]float64{"success@1": 0.9}}, false},
		{"no gate", times(25, 0), Gate{}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := resultOf(test.values...)
			failed, err := test.gate.Apply(r)
			if err != nil || (len(failed) == 0) != test.ok {
				t.Fatalf("%v, %v", failed, err)
			}
			f := r.Metrics["success@1"]
			gated := test.gate.Baseline != nil || test.gate.FailUnder != nil
			if (f.OK != nil) != gated || gated && *f.OK != test.ok {
				t.Errorf("ok is %v", f.OK)
			}
			if test.gate.Baseline != nil && (math.Abs(*f.Baseline-0.5) > 1e-12 || math.Abs(*f.Change-(f.Value-0.5)) > 1e-12) {
				t.Errorf("%v, %v", *f.Baseline, *f.Change)
			}
		})
	}
	if _, err := (&Gate{Baseline: &Result{}}).Apply(base); err == nil {
		t.Error("another kind of result was taken for a baseline")
	}
}
