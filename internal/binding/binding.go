// Package binding ties embedders to stores. What a store remembers of its embedder, its name and
// a fingerprint, decides which embedder may fill and ask it, and with which options; what the user
// says must agree. A store is data of a stranger's making and gives no orders: it names only
// embedders that are trusted.
package binding

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/hint"
	"sheaf/internal/provider"
)

// ErrNoDim says that nothing tells how long the vectors of a store without an embedder are.
var ErrNoDim = errors.New("a store without an embedder needs --dimensions N, the length of its vectors")

// Facts returns the facts of a new store that follow from its embedder e. dimensions is what the
// user asks for; 0: the model's own number.
func Facts(ctx context.Context, e embed.Embedder, dimensions int) (engine.Facts, error) {
	id, err := embed.Resolve(ctx, e)
	switch {
	case err != nil:
		return engine.Facts{}, err
	case id.Provider != embed.None:
		return facts(id), nil
	case dimensions == 0:
		return engine.Facts{}, ErrNoDim
	}
	return engine.Facts{Dim: dimensions}, nil
}

func facts(id embed.Identity) engine.Facts {
	return engine.Facts{Embedder: id.String(), Fingerprint: id.Fingerprint, Dim: id.Dim}
}

// Resolve returns the name of the embedder of a store, and completes the options by what the store
// remembers of it. given is the embedder that the user names, or "". Where insists is set, an
// embedder that is not the store's is an error; else given is a preference for new stores.
func Resolve(f engine.Facts, given string, insists bool, o *embed.Options) (spec string, err error) {
	if given == "builtin:"+embed.First && embed.IsFirst(f.Fingerprint) {
		given = f.Embedder
	}
	if spec, err = resolveName(cmp.Or(f.Embedder, embed.None), given, insists); err != nil {
		return "", err
	}
	if o.Dimensions != 0 && o.Dimensions != f.Dim {
		return "", hint.With(f.Check(engine.Facts{Dim: o.Dimensions}), "leave --dimensions out, or make another store with --store DIR")
	}
	o.Fingerprint = f.Fingerprint
	if o.Dim = f.Dim; embed.AsksForDim(f.Fingerprint, f.Dim) {
		o.Dimensions = f.Dim
	}
	prompts := embed.PromptsOf(f.Fingerprint)
	return spec, errors.Join(setPrompt(&o.Query, prompts.Query, "query-prefix"), setPrompt(&o.Passage, prompts.Passage, "passage-prefix"))
}

func resolveName(bound, given string, insists bool) (string, error) {
	names := sameEmbedder(given, bound)
	switch {
	case insists && !names && bound == embed.None:
		return "", hint.With(mismatch("embedder", bound, given), "if %[1]s made its vectors bind it first: sheaf init --embedder %[1]s; otherwise make another store with --store DIR", given)
	case insists && !names:
		return "", hint.With(mismatch("embedder", bound, given), "leave --embedder out, or make another store with --store DIR")
	case provider.Trusted(bound):
		return bound, nil
	case names:
		return given, nil // a folder may have moved since the store was made
	}
	return "", hint.With(fmt.Errorf("the store asks for the embedder %q, which only you may choose", bound),
		"if you trust it, give --embedder %s", hint.ShellQuote(bound))
}

func mismatch(fact, bound, given string) error {
	return &engine.MismatchError{Fact: fact, Store: bound, Given: given}
}

// setPrompt sets a prompt to the store's, with which a given one must agree.
func setPrompt(given **string, bound, flag string) error {
	if *given != nil && **given != bound {
		return hint.With(mismatch(flag, strconv.Quote(bound), strconv.Quote(**given)), "leave --%s out, or make another store with --store DIR", flag)
	}
	*given = &bound
	return nil
}

// Check reports whether e, made as Resolve said, is the embedder that the vectors of a store came
// from: the data of a model may have changed under its name.
func Check(f engine.Facts, e embed.Embedder) error {
	id := e.Identity()
	if id.Provider == embed.None {
		return nil
	}
	made := facts(id)
	if areFolders(made.Embedder, f.Embedder) {
		made.Embedder = f.Embedder
	}
	if err := f.Check(made); err != nil {
		return hint.With(err, "the store's vectors were made by another version of the embedder: ingest its sources into a new store")
	}
	return nil
}

// sameEmbedder reports whether given names the embedder bound. A bare provider names any model of
// it, unless it is an embedder itself. The folder of a model may have moved: Check compares what is in it.
func sameEmbedder(given, bound string) bool {
	anyModel := !strings.Contains(given, ":") && !provider.Of(given).Bare && strings.HasPrefix(bound, given+":")
	return given == bound || anyModel || areFolders(given, bound)
}

// areFolders reports whether both embedders are models in a folder.
func areFolders(a, b string) bool { return isFolder(a) && isFolder(b) }

func isFolder(spec string) bool {
	model, isHF := strings.CutPrefix(spec, "hf:")
	return isHF && embed.IsFolder(model)
}
