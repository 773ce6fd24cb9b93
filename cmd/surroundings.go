package cmd

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
)

// surroundings are the chunks of a source around a hit, in the order of the source.
type surroundings struct {
	Before []document `json:"before"`
	After  []document `json:"after"`
}

// around returns a text between those around it.
func (s *surroundings) around(text string) string {
	if s == nil {
		return text
	}
	var texts []string
	for _, d := range s.Before {
		texts = append(texts, d.Text)
	}
	texts = append(texts, text)
	for _, d := range s.After {
		texts = append(texts, d.Text)
	}
	return strings.Join(texts, "\n\n")
}

// show writes the passage of a text between those around it, which are dim and whole.
func (s *surroundings) show(p *printer, text string) {
	if s == nil {
		p.passage(text)
		return
	}
	p.dimmed(s.Before)
	p.passage(text)
	p.dimmed(s.After)
}

// dimmed writes the texts of documents.
func (p *printer) dimmed(docs []document) {
	for _, d := range docs {
		for _, l := range wrap(filled(d.Text, d.Source), max(p.width-passageIndent-2, 1)) {
			if l != "" {
				l = strings.Repeat(" ", passageIndent) + p.styled(styleDim, l)
			}
			p.WriteString(l + "\n")
		}
		p.WriteByte('\n')
	}
}

// hits returns what was found as it is printed: with the paths of files and, where it is asked
// for, what is around each hit.
func (a *asker) hits(ctx context.Context, found []engine.Hit) ([]hit, error) {
	hits := newHits(found)
	if a.places == nil || a.o.context > 0 { // the ids of a source may be many
		a.places = map[origin]*place{}
	}
	for i := range hits {
		of := origin{found[i].Store, found[i].Key}
		if a.places[of] == nil {
			p, err := a.place(ctx, found[i].Document)
			if err != nil {
				return nil, err
			}
			a.places[of] = p
		}
		hits[i].Path = a.places[of].path
		if a.o.context > 0 {
			around, err := a.around(ctx, a.places[of], hits[i].ID)
			if err != nil {
				return nil, err
			}
			hits[i].Context = around
		}
	}
	return hits, nil
}

// origin is a source, by its key, of one of several stores.
type origin struct{ store, key string }

// place is what is known of an origin.
type place struct {
	part
	path string   // of the file as seen from the current folder; "" where there is none
	ids  []string // of its documents in the order of the source
}

// place returns that of a document.
func (a *asker) place(ctx context.Context, d engine.Document) (*place, error) {
	i := max(0, slices.IndexFunc(a.parts, func(p part) bool { return p.name == d.Store }))
	p := &place{part: a.parts[i]}
	home, err := a.env.stores.Home(p.name)
	if err != nil {
		return nil, err
	}
	if p.path = seenFromHere(home.Path(d.Key)); a.o.context > 0 {
		p.ids, err = idsInOrder(ctx, p.part, d.Source)
	}
	return p, err
}

// seenFromHere returns the path of a file from the current folder, or from the root where that is
// shorter; "" where there is no such file.
func seenFromHere(path string) string {
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	here, err := os.Getwd()
	if err == nil && filepath.IsAbs(path) {
		if seen, err := filepath.Rel(here, path); err == nil && len(seen) < len(path) {
			path = seen
		}
	}
	return filepath.ToSlash(path)
}

// sight tells where the files of sources are, as seen from the current folder, to a printer of text for
// people or in columns. The last source is remembered: most documents follow another of theirs.
type sight struct {
	env  *environment
	form form
	last origin
	path string
}

func (env *environment) sight(p *printer) *sight { return &sight{env: env, form: p.form} }

// of is the path of an origin's file, "" where there is none or it is not asked for.
func (s *sight) of(o origin) string {
	if s.form != formTable && s.form != formTSV || o.key == "" {
		return ""
	}
	if o != s.last {
		s.last, s.path = o, ""
		if home, err := s.env.stores.Home(cmp.Or(o.store, s.env.config.Store)); err == nil {
			s.path = seenFromHere(home.Path(o.key))
		}
	}
	return s.path
}

func (s *sight) document(d engine.Document) document {
	seen := newDocument(d)
	seen.path = s.of(origin{d.Store, d.Key})
	return seen
}

// source is one of a list. In columns it has its name, by which other verbs know it in every folder.
func (s *sight) source(info engine.SourceInfo) source {
	seen := newSource(info)
	if s.form == formTable {
		seen.path = s.of(origin{info.Store, info.Key})
	}
	return seen
}

// idsInOrder returns the ids of the documents of a source in its order. Stores keep another: a
// chunk that changed is younger than those that follow it.
func idsInOrder(ctx context.Context, s catalog, source string) ([]string, error) {
	f, err := filter.Parse(ofSources(source))
	if err != nil {
		return nil, err
	}
	var docs []engine.Document
	for d, err := range s.Documents(ctx, engine.ListOptions{Filter: f, Brief: true}) {
		if err != nil {
			return nil, err
		}
		docs = append(docs, d)
	}
	slices.SortStableFunc(docs, func(a, b engine.Document) int {
		return cmp.Or(cmp.Compare(a.StartLine, b.StartLine), cmp.Compare(a.StartIndex, b.StartIndex))
	})
	ids := make([]string, len(docs))
	for i, d := range docs {
		ids[i] = d.ID
	}
	return ids, nil
}

// around returns the documents around one.
func (a *asker) around(ctx context.Context, p *place, id string) (*surroundings, error) {
	at := slices.Index(p.ids, id)
	if at < 0 { // it was deleted meanwhile
		return &surroundings{Before: []document{}, After: []document{}}, nil
	}
	from, to := max(0, at-a.o.context), at+1+min(a.o.context, len(p.ids)-at-1)
	before, err := documents(ctx, p, p.ids[from:at])
	if err != nil {
		return nil, err
	}
	after, err := documents(ctx, p, p.ids[at+1:to])
	return &surroundings{before, after}, err
}

// documents returns those with the ids, never nil.
func documents(ctx context.Context, s reader, ids []string) ([]document, error) {
	found, _, err := s.Get(ctx, ids, false)
	docs := make([]document, len(found))
	for i, d := range found {
		docs[i] = newDocument(d)
	}
	return docs, err
}
