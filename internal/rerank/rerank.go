// Package rerank judges again how well texts answer a query, by a model that is slower and
// better than the one that found them.
//
// A judge's scores are its own: higher is better, and nothing else is known about them. They
// give an order, and must not be compared with those of another judge. A new kind of judge is a
// file of its own and a row of the table.
package rerank

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sheaf/internal/embed"
	"sheaf/internal/provider"
)

// Judge says how well texts answer a query.
type Judge interface {
	// Judge returns a verdict for each question, in order. Its error is for what concerns
	// all of them. It must return soon after ctx ends. One call is made at a time.
	Judge(ctx context.Context, questions []Question) ([]Verdict, error)
	// Close ends what the judge has started, such as a program.
	Close() error
}

// Question is a query and the texts that may answer it.
type Question struct {
	Query string   `json:"query"`
	Texts []string `json:"texts"`
}

// Verdict is what a judge says of a question.
type Verdict struct {
	Scores []float32 // one a text, in order; finite
	Err    error     // why there are none, which concerns this question alone
}

// DefaultDepth is how many hits are judged where nobody says it.
const DefaultDepth = 50

// None is the model of which no judge is made.
const None = embed.None

// Spec is what a user asks for: MODEL, or MODEL:N.
type Spec struct {
	Model string // as its judge is called; "" for None
	Depth int    // how many hits are judged; 0 for None
}

// Parse reads a Spec. A number behind the last colon is the depth, so the name of a model that
// ends in one needs a depth behind it.
func Parse(text string) (Spec, error) {
	s := Spec{Model: text, Depth: DefaultDepth}
	if at := strings.LastIndexByte(text, ':'); at >= 0 {
		if n, err := strconv.Atoi(text[at+1:]); err == nil {
			s.Model, s.Depth = text[:at], n
		}
	}
	switch {
	case s.Depth < 1:
		return Spec{}, fmt.Errorf("%q: the number of hits to judge must be at least 1", text)
	case s.Model == None:
		return Spec{}, nil
	case kindOf(s.Model).make == nil:
		return Spec{}, fmt.Errorf("%w %q; known: %s", ErrUnknown, s.Model, Usage())
	}
	var err error
	s.Model, err = provider.Canonical(s.Model)
	return s, err
}

// ErrUnknown is returned by Parse for a name that is no judge.
var ErrUnknown = errors.New("unknown model to rerank by")

// kind is a kind of judges.
type kind struct {
	names []string // what comes before the colon of a model
	make  func(model string, o Options) (Judge, error)
	usage string // "" where the embedders' table says it
}

// kinds lists all kinds.
func kinds() []kind {
	return []kind{
		{names: []string{"hf"}, make: newHF},
		{names: embedders(), make: newSimilarity},
		{names: []string{"service"}, make: newService, usage: "service[:MODEL]"},
		{names: []string{"command"}, make: newCommand, usage: "command:PROGRAM"},
	}
}

// judges reports whether vectors of a provider's embedders judge: those that need no protocol of the
// user's own.
func judges(p provider.Provider) bool { return p.Name != None && p.Name != "command" }

// embedders lists the names of the providers that judge.
func embedders() (names []string) {
	for _, p := range provider.Table {
		if judges(p) {
			names = append(names, p.Name)
		}
	}
	return names
}

// kindOf returns the kind of a model, or one that makes nothing.
func kindOf(model string) kind {
	name, _, _ := strings.Cut(model, ":")
	for _, k := range kinds() {
		if slices.Contains(k.names, name) {
			return k
		}
	}
	return kind{}
}

// Options are what a judge may need to know; each kind reads those that concern it.
type Options struct {
	embed.Options        // of embedders; what concerns any service is for those that rank too
	URL           string // of a service that ranks
	Key, KeyFile  string // of that service: the key, or the file that holds it and outranks it
}

// New makes the judge of a Spec's model. It connects to nothing and starts nothing.
func New(model string, o Options) (Judge, error) { return kindOf(model).make(model, o) }

// MeaningAlone reports whether a judge knows what texts mean and not whether they have the words
// of a query.
func MeaningAlone(j Judge) bool {
	_, is := j.(*similarity)
	return is
}

// Usage lists the models, for usage texts.
func Usage() string {
	var all []string
	for _, p := range provider.Table {
		if judges(p) {
			all = append(all, p.Usage()...)
		}
	}
	for _, k := range kinds() {
		if k.usage != "" {
			all = append(all, k.usage)
		}
	}
	return strings.Join(append(all, None), ", ")
}

// Completions lists the names that shells complete.
func Completions() (all []string) {
	for _, p := range provider.Table {
		if judges(p) {
			all = append(all, p.Complete...)
		}
	}
	return append(all, None)
}
