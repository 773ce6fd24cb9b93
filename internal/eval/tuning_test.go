package eval

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// trialsOf returns a trial for each choice of two settings: mode, where words is better by gain in
// the mean, and colour, which does nothing.
func trialsOf(questions int, gain float64) (trials []Trial) {
	for _, mode := range []string{"vector", "words"} {
		for _, colour := range []string{"red", "green", "blue"} {
			source := rand.New(rand.NewPCG(3, 4)) // the same questions are difficult for all
			r := &Result{}
			for q := range questions {
				score := source.Float64() / 2
				if luck := source.Float64(); mode == "words" {
					score += gain * 2 * luck
				}
				r.PerQuestion = append(r.PerQuestion, Outcome{Key: fmt.Sprintf("%x", q*q), Values: map[string]float64{"mrr@3": score}})
			}
			trials = append(trials, Trial{[]Choice{{"mode", mode}, {"colour", colour}}, r, float64(len(mode)), 1000})
		}
	}
	return trials
}

func tune(t *testing.T, trials []Trial, asked int, most float64) *Tuning {
	t.Helper()
	r, err := Tune(trials, asked, Metric{"mrr", 3}, most)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTune(t *testing.T) {
	t.Parallel()
	r := tune(t, trialsOf(101, 0.2), 103, 0)
	if r.Choosing != 51 || r.Reporting != 50 || r.LeftOut != 2 {
		t.Errorf("%d questions choose, %d report, %d are left out", r.Choosing, r.Reporting, r.LeftOut)
	}
	if r.Best.Trial != 3 || !r.Best.Certain || r.Best.Change.Change < 0.1 || r.Best.Share != 1 || r.Best.Questions != 0 {
		t.Errorf("best: %+v", r.Best)
	}
	if e := r.Effects[0]; e.Name != "mode" || e.Best != "words" || e.Worst != "vector" || !e.Distinguishable {
		t.Errorf("mode: %+v", e)
	}
	if e := r.Effects[1]; e.Name != "colour" || e.Distinguishable || e.Change.Equal != 50 {
		t.Errorf("a setting that does nothing: %+v", e)
	}
	for i, tried := range r.Tried {
		if want := tried.Choices["mode"] == "words"; tried.Front != want {
			t.Errorf("trial %d, %s, on the front: %v", i, tried, tried.Front)
		}
	}
}

// The half that a question belongs to is its own: the order in a file does not matter.
func TestTuneOrder(t *testing.T) {
	t.Parallel()
	trials := trialsOf(60, 0.1)
	before := tune(t, trials, 60, 0)
	for _, trial := range trials {
		slices.Reverse(trial.Result.PerQuestion)
	}
	if after := tune(t, trials, 60, 0); after.Best != before.Best || after.Tried[2].Chosen != before.Tried[2].Chosen {
		t.Errorf("%+v, in another order %+v", before.Best, after.Best)
	}
}

// A gain that may be chance is said to be so, with the number of questions that would show it. It then does.
func TestTuneChance(t *testing.T) {
	t.Parallel()
	trials := trialsOf(40, 0)
	better := trials[5].Result.PerQuestion
	for i := range better {
		better[i].Values["mrr@3"] += []float64{0.3, -0.25}[i/2%2]
	}
	r := tune(t, trials, 40, 0)
	if r.Best.Certain || r.Best.Trial != 5 || r.Best.Questions < 100 {
		t.Errorf("%+v", r.Best)
	}
}

// Questions that a trial has no figure of count nowhere; a question that is asked twice counts twice.
func TestTuneCommon(t *testing.T) {
	t.Parallel()
	trials := trialsOf(30, 0.1)
	for i := range trials {
		r := trials[i].Result
		r.PerQuestion = append(r.PerQuestion, r.PerQuestion[0])
	}
	first := trials[1].Result
	first.PerQuestion = slices.Delete(first.PerQuestion, 4, 6)
	if r := tune(t, trials, 31, 0); r.Choosing+r.Reporting != 29 || r.LeftOut != 2 {
		t.Errorf("%d count, %d are left out", r.Choosing+r.Reporting, r.LeftOut)
	}
	first.PerQuestion = first.PerQuestion[:LeastTuned-1]
	if _, err := Tune(trials, 31, Metric{"mrr", 3}, 0); err == nil || !strings.Contains(err.Error(), "19 of 31 questions") {
		t.Errorf("too few: %v", err)
	}
}

func TestTuneTime(t *testing.T) {
	t.Parallel()
	trials := trialsOf(40, 0.2)
	trials[4].Latency = 1 // words, green
	if r := tune(t, trials, 40, 2); r.Best.Trial != 4 {
		t.Errorf("the best of those that are quick enough: %+v", r.Best)
	}
	if _, err := Tune(trials, 40, Metric{"mrr", 3}, 0.5); !errors.Is(err, ErrTooSlow) {
		t.Errorf("none is quick enough: %v", err)
	}
}

// Where a budget cut the combinations short, a setting is judged by those that were tried with all of its values.
func TestTuneCut(t *testing.T) {
	t.Parallel()
	r := tune(t, trialsOf(40, 0.2)[:5], 40, 0) // words with blue is missing
	if len(r.Effects) != 2 || r.Effects[0].Name != "mode" || !r.Effects[0].Distinguishable || r.Effects[1].Distinguishable {
		t.Errorf("%+v", r.Effects)
	}
	if r := tune(t, trialsOf(40, 0.2)[:1], 40, 0); len(r.Effects) != 0 {
		t.Errorf("one trial: %+v", r.Effects)
	}
}

func TestTuningSVG(t *testing.T) {
	t.Parallel()
	trials := trialsOf(40, 0.2)
	trials[2].Choices = []Choice{{"mode", "<vector>"}, {"colour", "blue"}}
	var b strings.Builder
	if err := tune(t, trials, 40, 0).WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	circles := 0
	for d := xml.NewDecoder(strings.NewReader(b.String())); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "circle" {
			circles++
		}
	}
	if circles != len(trials) {
		t.Errorf("%d circles for %d trials", circles, len(trials))
	}
	if strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "Inf") {
		t.Error("a figure is no number")
	}
}
