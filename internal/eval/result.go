package eval

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"sheaf/internal/engine"
)

// Result is an evaluation, as it is printed and saved.
type Result struct {
	Version     int               `json:"version"` // of this object: resultVersion
	Store       string            `json:"store"`
	Fingerprint Fingerprint       `json:"fingerprint"`
	Mode        string            `json:"mode"`
	Rerank      string            `json:"rerank,omitempty"` // the judge
	K           int               `json:"k"`
	Level       Level             `json:"level"`
	Gain        Gain              `json:"gain"`
	Questions   int               `json:"questions"` // that count: all but the stale ones
	Metrics     map[string]Figure `json:"metrics"`
	Detectable  float64           `json:"detectable"` // see Detectable
	Stale       []Stale           `json:"stale"`
	Failed      []Failed          `json:"failed"`
	Latency     Latency           `json:"latency_ms"`
	Worst       []string          `json:"worst,omitempty"` // ids
	PerQuestion []Outcome         `json:"per_question"`
}

const resultVersion = 1

// Fingerprint says what a result was made on and how.
type Fingerprint struct {
	Store      string            `json:"store"` // id of the store
	Generation int64             `json:"generation"`
	Documents  int64             `json:"documents"`
	Sources    string            `json:"sources"` // hash of their names
	Embedder   string            `json:"embedder"`
	Splitter   string            `json:"splitter"` // the settings of the first source, as the store keeps them
	Search     map[string]string `json:"search"`   // the flags that were given
}

// Figure is the mean of a measure over all questions.
type Figure struct {
	Value    float64  `json:"value"`
	Low      float64  `json:"low"` // of the 95 % interval
	High     float64  `json:"high"`
	Baseline *float64 `json:"baseline,omitempty"`
	Change   *float64 `json:"change,omitempty"` // over the questions that both have
	OK       *bool    `json:"ok,omitempty"`     // whether it passes its gates
}

// Stale is a question with labels that name nothing in the store.
type Stale struct {
	ID     string   `json:"id"`
	Labels []string `json:"labels"`
}

// Failed is a question that could not be answered. It scores 0.
type Failed struct {
	ID    string `json:"id"`
	Error string `json:"error"`
}

// Latency is how long the store takes to answer one question, in milliseconds.
type Latency struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
}

// Outcome is what became of one question. Its measures are members of its JSON
// object beside the others.
type Outcome struct {
	ID            string             `json:"id"`
	Query         string             `json:"query,omitempty"`
	Key           string             `json:"key"` // see Question.Key
	Tags          []string           `json:"tags,omitempty"`
	Values        map[string]float64 `json:"-"`
	FirstRelevant int                `json:"first_relevant,omitempty"` // place, from 1; 0: none
	Missing       []string           `json:"missing"`                  // labels that no hit fulfils

	ranking []string
}

// MarshalJSON writes the measures beside the other members.
func (o Outcome) MarshalJSON() ([]byte, error) {
	type plain Outcome
	b, err := json.Marshal(plain(o))
	if err != nil || len(o.Values) == 0 {
		return b, err
	}
	values, err := json.Marshal(o.Values)
	if err != nil {
		return nil, err
	}
	return slices.Concat(b[:len(b)-1], []byte(","), values[1:]), nil
}

// UnmarshalJSON reads what MarshalJSON writes: a member with an @ is a measure.
func (o *Outcome) UnmarshalJSON(b []byte) error {
	type plain Outcome
	if err := json.Unmarshal(b, (*plain)(o)); err != nil {
		return err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil {
		return err
	}
	o.Values = map[string]float64{}
	for name, raw := range members {
		if !strings.Contains(name, "@") {
			continue
		}
		var x float64
		if err := json.Unmarshal(raw, &x); err != nil {
			return fmt.Errorf("%q of question %q: %w", name, o.ID, err)
		}
		o.Values[name] = x
	}
	return nil
}

// Add scores the hits of a question, or counts a question that failed with err.
func (r *Result) Add(q *Question, j *Judgement, hits []engine.Hit, metrics []Metric, err error) {
	o := Outcome{ID: q.ID, Query: q.Text, Key: q.Key(), Tags: q.Tags, Values: map[string]float64{}, Missing: []string{}}
	if len(j.Stale) > 0 {
		r.Stale = append(r.Stale, Stale{q.ID, j.Stale})
	}
	if err == nil && j.IsStale() {
		return
	}
	if err != nil {
		r.Failed = append(r.Failed, Failed{q.ID, err.Error()})
	}
	var found []int
	o.ranking, found = j.rank(hits)
	o.FirstRelevant = firstRelevant(found)
	for _, m := range metrics {
		switch {
		case err != nil:
			o.Values[m.String()] = 0
		case j.expectsNothing:
			o.Values[m.String()] = float64(1 - min(len(hits), 1))
		default:
			o.Values[m.String()] = m.Score(found, slices.Collect(maps.Values(j.grades)), r.Gain)
		}
	}
	for _, e := range j.expected {
		if !slices.ContainsFunc(e.keys, func(key string) bool { return slices.Contains(o.ranking, key) }) {
			o.Missing = append(o.Missing, e.name)
		}
	}
	r.PerQuestion = append(r.PerQuestion, o)
}

// rank returns the documents or sources of the hits, each at its best place, and their grades.
func (j *Judgement) rank(hits []engine.Hit) (ranking []string, grades []int) {
	seen := map[string]bool{}
	for _, h := range hits {
		if key := j.level.key(h.ID, h.Source); !seen[key] {
			seen[key] = true
			ranking, grades = append(ranking, key), append(grades, j.grades[key])
		}
	}
	return ranking, grades
}

// Summarize computes the figures of the questions that were added.
func (r *Result) Summarize(metrics []Metric) {
	r.Version, r.Questions, r.Metrics = resultVersion, len(r.PerQuestion), map[string]Figure{}
	r.Detectable = Detectable(r.Questions)
	for _, m := range metrics {
		values := make([]float64, len(r.PerQuestion))
		for i, o := range r.PerQuestion {
			values[i] = o.Values[m.String()]
		}
		r.Metrics[m.String()] = NewFigure(values)
	}
	r.Stale, r.Failed, r.PerQuestion = some(r.Stale), some(r.Failed), some(r.PerQuestion)
}

// NewFigure returns the mean of values with its interval.
func NewFigure(values []float64) Figure {
	means := resample(values)
	return Figure{Value: mean(values), Low: quantile(means, 0.025), High: quantile(means, 0.975)}
}

// Overlap returns the share of the documents of the exact answer that are in
// another one; 1 where the exact answer is empty.
func Overlap(found, exact []engine.Hit) float64 {
	if len(exact) == 0 {
		return 1
	}
	n := 0
	for _, h := range exact {
		if slices.ContainsFunc(found, func(other engine.Hit) bool { return other.ID == h.ID }) {
			n++
		}
	}
	return float64(n) / float64(len(exact))
}

// some returns s, and an empty slice for nil, which JSON writes as null.
func some[T any](s []T) []T { return append([]T{}, s...) }

// WorstBy returns the n questions of the lowest values of a measure, the lowest
// first, questions with equal values in their order.
func (r *Result) WorstBy(m Metric, n int) []Outcome {
	all := slices.Clone(r.PerQuestion)
	slices.SortStableFunc(all, func(a, b Outcome) int {
		return cmp.Compare(a.Values[m.String()], b.Values[m.String()])
	})
	return all[:min(n, len(all))]
}

// Load reads a result that was saved.
func Load(r io.Reader) (*Result, error) {
	var saved Result
	if err := json.NewDecoder(r).Decode(&saved); err != nil {
		return nil, fmt.Errorf("no evaluation: %w", err)
	}
	switch {
	case saved.Version == 0 || saved.Metrics == nil:
		return nil, errors.New("no evaluation: it has no version or no metrics")
	case saved.Version > resultVersion:
		return nil, fmt.Errorf("an evaluation of version %d, newer than this sheaf knows (%d)", saved.Version, resultVersion)
	}
	return &saved, nil
}

// HashNames returns a hash of names that does not depend on their order.
func HashNames(names []string) string {
	h := sha256.New()
	for _, name := range slices.Sorted(slices.Values(names)) {
		fmt.Fprintf(h, "%d %s\n", len(name), name)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// NewLatency returns the latency of answers that took so long.
func NewLatency(took []time.Duration) (l Latency) {
	if len(took) == 0 {
		return l
	}
	ms := make([]float64, len(took))
	for i, d := range took {
		ms[i] = float64(d) / float64(time.Millisecond)
	}
	slices.Sort(ms)
	return Latency{quantile(ms, 0.5), quantile(ms, 0.95)}
}
