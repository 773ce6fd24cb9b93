// Package provider lists the providers of embedders and makes embedders by name,
// PROVIDER[:MODEL]. A new provider is a file of its own and a row of the table.
package provider

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/openai"
)

// Provider is a kind of embedder.
type Provider struct {
	Name string
	New  func(model string, o embed.Options) (embed.Embedder, error)

	Models       []string // what may follow "Name:", in usage texts; none: nothing may
	DefaultModel string   // of the bare Name; empty although there are Models: one must be given, unless it is Bare
	Bare         bool     // the bare Name is an embedder itself, and no model of it
	Complete     []string // names that shells complete

	// Trusted reports whether a store may name the embedder without the user doing so: nothing
	// but the name follows from it. A store is data of a stranger's making, and must not start a
	// program or open a folder. nil: never.
	Trusted func(model string) bool

	// Canonical returns the name by which the embedder of a model calls itself; nil: the given one.
	Canonical func(model string) (spec string, err error)

	Workers   int // calls of Embed at once that suit it; 0: one for each processor
	BatchSize int // texts in each
}

// Default is the embedder of a new store for which the user names none, if its texts are English
// or not known yet. Else it is Multilingual.
const (
	Default      = "builtin"
	Multilingual = Default + ":" + embed.Multilingual
)

// InProgram are the embedders whose models are in the program. Each makes the same vectors everywhere, bit by bit.
var InProgram = []string{Default, Multilingual, Default + ":" + embed.First}

// Table lists all providers, in the order of usage texts.
var Table = []Provider{
	{Name: "builtin", New: embed.NewBuiltin, Models: []string{embed.Multilingual}, Bare: true, Trusted: always,
		Complete: []string{"builtin", Multilingual}, BatchSize: 128},
	{Name: "minilm", New: embed.NewMiniLM, Models: []string{embed.Int8}, Bare: true, Trusted: always,
		Complete: []string{"minilm", "minilm:" + embed.Int8}, BatchSize: 32}, // a second of work
	{Name: "multilingual", New: embed.NewUSE, Complete: []string{"multilingual"}, Trusted: always, BatchSize: 32},
	{Name: "hf", New: embed.NewHF, Models: []string{"NAME[:" + embed.Int8 + "]", "DIR[:" + embed.Int8 + "]"}, Canonical: embed.CanonicalHF, Trusted: isHubName, BatchSize: 32},
	{Name: "openai", New: openai.New, Models: []string{"MODEL"}, DefaultModel: openai.DefaultModel, Trusted: always,
		Complete: []string{"openai:text-embedding-3-small", "openai:text-embedding-3-large"}, Workers: 16, BatchSize: openai.DefaultBatchSize},
	{Name: "command", New: embed.NewCommand, Models: []string{"PROGRAM"}, Workers: 2, BatchSize: 64}, // one computes, one waits
	{Name: embed.None, New: embed.NewNone, Complete: []string{embed.None}, Trusted: always},
}

func always(string) bool { return true }

func isHubName(model string) bool { return !embed.IsFolder(model) }

// ErrUnknown is returned by New for a name that is no embedder.
var ErrUnknown = errors.New("unknown embedder")

// Usage lists the names that New takes, for usage texts.
func Usage() string {
	var all []string
	for _, p := range Table {
		all = append(all, p.Usage()...)
	}
	last := len(all) - 1
	return strings.Join(all[:last], ", ") + " or " + all[last]
}

// Usage returns the forms of the provider's names.
func (p Provider) Usage() []string {
	if len(p.Models) == 0 {
		return []string{p.Name}
	}
	var forms []string
	if p.Bare {
		forms = append(forms, p.Name)
	}
	for _, model := range p.Models {
		if p.DefaultModel != "" {
			forms = append(forms, p.Name+"[:"+model+"]")
		} else {
			forms = append(forms, p.Name+":"+model)
		}
	}
	return forms
}

// Completions lists the names that shells complete.
func Completions() []string {
	var all []string
	for _, p := range Table {
		all = append(all, p.Complete...)
	}
	return all
}

// Of returns the provider of the embedder that is named spec, or one without a Name.
func Of(spec string) Provider {
	name, _, _ := strings.Cut(spec, ":")
	if i := slices.IndexFunc(Table, func(p Provider) bool { return p.Name == name }); i >= 0 {
		return Table[i]
	}
	return Provider{}
}

// Calibration returns what is known of an embedder that hybrid searches depend on.
func Calibration(spec string) engine.Calibration {
	switch {
	case spec == Default:
		return engine.Calibration{Words: 9, EnglishOnly: true}
	case spec == Multilingual:
		return engine.Calibration{Words: 9, Chance: 1}
	case Of(spec).Name == "minilm":
		return engine.Calibration{EnglishOnly: true}
	}
	return engine.Calibration{}
}

// MaxBatchSize is the largest Options.BatchSize.
const MaxBatchSize = openai.MaxBatchSize

// New makes the embedder that is named spec. It connects to nothing: a missing key or an
// unreachable service shows at the first Embed.
func New(spec string, o embed.Options) (embed.Embedder, error) {
	spec, err := Canonical(spec)
	if err != nil {
		return nil, err
	}
	p := Of(spec)
	_, model, hasModel := strings.Cut(spec, ":")
	switch {
	case p.Name == "":
		return nil, fmt.Errorf("%w %q; known: %s", ErrUnknown, spec, Usage())
	case hasModel && len(p.Models) == 0:
		return nil, fmt.Errorf("embedder %q: %s has no models to choose from", spec, p.Name)
	case strings.TrimSpace(model) == "" && (hasModel || len(p.Models) > 0 && p.DefaultModel == "" && !p.Bare):
		return nil, fmt.Errorf("embedder %q: no model after the colon: want %s", spec, strings.Join(p.Usage(), " or "))
	case o.Dimensions < 0:
		return nil, fmt.Errorf("dimensions %d: must be positive", o.Dimensions)
	case o.Workers < 0:
		return nil, fmt.Errorf("workers %d: must be positive", o.Workers)
	case o.BatchSize < 0 || o.BatchSize > MaxBatchSize:
		return nil, fmt.Errorf("batch size %d: must be from 1 to %d", o.BatchSize, MaxBatchSize)
	}
	e, err := p.New(model, o)
	if err != nil {
		return nil, err
	}
	return embed.WithPrompts(e, o), nil
}

// Trusted reports whether a store may name the embedder spec without the user doing so.
func Trusted(spec string) bool {
	_, model, _ := strings.Cut(spec, ":")
	trusted := Of(spec).Trusted
	return trusted != nil && trusted(model)
}

// Canonical returns the name by which an embedder calls itself, given one by a user: the
// folder of a model becomes an absolute path, its name on the hub whole. A name that is no
// embedder's is returned as it is.
func Canonical(spec string) (string, error) {
	_, model, _ := strings.Cut(spec, ":")
	if canonical := Of(spec).Canonical; canonical != nil && model != "" {
		return canonical(model)
	}
	return spec, nil
}
