package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
)

// agent answers the calls of tools, from the stores of its asker.
type agent struct{ asker *asker }

// What one call answers with at most.
const (
	mostHits      = 50
	mostDocuments = 200
	mostSources   = 1000
)

type searchArguments struct {
	Query  string `json:"query"`
	Source string `json:"source"`
	Filter string `json:"filter"`
	K      *int   `json:"k"`
}

func (a *agent) search(ctx context.Context, asked searchArguments) (any, error) {
	o := *a.asker.o
	if o.k = 5; asked.K != nil {
		o.k = *asked.K
	}
	if o.k < 1 || o.k > mostHits {
		return nil, fmt.Errorf("k must be from 1 to %d, not %d", mostHits, o.k)
	}
	if asked.Query == "" {
		return nil, errors.New("there is no query")
	}
	o.filter = filterFor(asked.Filter, asked.Source)
	if err := o.filter.validate(); err != nil {
		return nil, err
	}
	one := *a.asker
	one.o, one.find = &o, o.nearest(one.env, one.store)
	found, err := one.hitsOf(ctx, &query{text: asked.Query})
	a.asker.models = one.models
	if err = cmp.Or(err, o.filter.named.absent); err != nil {
		return nil, err
	}
	hits, err := one.hits(ctx, found)
	return map[string]any{"hits": hits}, err
}

// filterFor returns the flags for a filter and a source, either of which may be "".
func filterFor(expr, source string) (f filterFlags) {
	if expr != "" {
		f.exprs = []string{expr}
	}
	if source != "" {
		f.sources = []string{source}
	}
	return f
}

type getArguments struct {
	IDs    []string `json:"ids"`
	Source string   `json:"source"`
}

// documentList is the answer of get; More says that there are others.
type documentList struct {
	Documents []document `json:"documents"`
	More      bool       `json:"more,omitempty"`
}

func (a *agent) get(ctx context.Context, asked getArguments) (any, error) {
	if (len(asked.IDs) > 0) == (asked.Source != "") {
		return nil, errors.New("give either ids or a source")
	}
	list := documentList{Documents: []document{}}
	for _, p := range a.asker.parts {
		ids, err := a.ids(ctx, p, asked)
		if err != nil {
			return nil, err
		}
		room := mostDocuments - len(list.Documents)
		list.More = list.More || len(ids) > room
		docs, err := documents(ctx, p, ids[:min(len(ids), room)])
		if err != nil {
			return nil, err
		}
		list.Documents = append(list.Documents, docs...)
	}
	if len(list.Documents) == 0 {
		return nil, errors.New("there is no such passage: search and sources name those that there are")
	}
	return list, nil
}

// ids returns those that were asked for of a store: by the name of their source, or the path of its file.
func (a *agent) ids(ctx context.Context, p part, asked getArguments) ([]string, error) {
	if asked.Source == "" {
		return asked.IDs, nil
	}
	ids, err := idsInOrder(ctx, p, asked.Source)
	if len(ids) > 0 || err != nil {
		return ids, err
	}
	file, err := a.asker.env.sourceAt(ctx, p, asked.Source)
	if file == "" || err != nil {
		return nil, err
	}
	return idsInOrder(ctx, p, file)
}

type sourcesArguments struct {
	Glob string `json:"glob"`
}

// sourceList is the answer of sources; More says that there are others.
type sourceList struct {
	Sources []source `json:"sources"`
	More    bool     `json:"more,omitempty"`
}

func (a *agent) sources(ctx context.Context, asked sourcesArguments) (any, error) {
	list := sourceList{Sources: []source{}}
	flags := filterFor("", asked.Glob)
	f, err := flags.in(ctx, a.asker.env, a.asker.store)
	if err != nil {
		return nil, err
	}
	for s, err := range a.asker.store.Sources(ctx, f) {
		if err != nil {
			return nil, err
		}
		if len(list.Sources) == mostSources {
			list.More = true
			break
		}
		list.Sources = append(list.Sources, newSource(s))
	}
	return list, nil
}
