package cmd

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
	"sheaf/internal/glob"
	"sheaf/internal/hint"
)

// naming is what a user's name for sources stands for.
type naming struct {
	expr   string // the condition on documents
	remark string // what there is to say about it, or ""
	absent error  // nil where it stands for a source
	near   string // the source that may be meant by what stands for none, or ""
}

// naming finds out what a text stands for in stores: the source that has it for its name, also as TSV
// escapes it, or the file at this path; else the sources whose names it matches as a glob, or that
// have the name of a folder before theirs; else those whose files it matches, or that are below the
// folder at this path. The name of a file that is there is no pattern: what it matches is not meant.
func (env *environment) naming(ctx context.Context, s catalog, text string) (naming, error) {
	parts := env.parts(s)
	for _, literal := range []string{text, tsvUnescaper.Replace(text)} {
		n, err := env.nameOrPath(ctx, parts, literal)
		if err != nil || n.expr != "" {
			return n, err
		}
	}
	if text != glob.Quote(text) && isFile(text) {
		sources, err := env.sourcesOf(ctx, parts)
		return sources.absence(text), err
	}
	for _, pattern := range []string{text, glob.Quote(strings.TrimRight(text, "/")) + "/**"} {
		f, err := filter.Parse(ofMatching(pattern))
		if err != nil {
			continue
		}
		if found, err := matches(ctx, s, f); found || err != nil {
			return naming{expr: ofMatching(pattern)}, err
		}
	}
	sources, err := env.sourcesOf(ctx, parts)
	if err != nil {
		return naming{}, err
	}
	if names := sources.meant(text); len(names) > 0 {
		return naming{expr: ofSources(names...)}, nil
	}
	if glob.Check(text) != nil {
		return naming{}, usagef("--source %q is no source, and not a pattern", text)
	}
	return sources.absence(text), nil
}

// absence is the naming of what is no source.
func (x *sourceIndex) absence(text string) naming {
	remedy := "see their names by sheaf list --sources"
	near := x.nearest(text)
	if near != "" {
		remedy = fmt.Sprintf("did you mean %q?", near)
	}
	absent := hint.With(fmt.Errorf("no source has the name %q, or one that it matches", text), "%s", remedy)
	return naming{ofSources(text), absent.Error() + ": " + remedy, absent, near}
}

// isFile reports whether a file, and no folder, is at a path.
func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// nameOrPath returns the naming of the source with a name, or else of the file at a path, which is
// another source in each store; the zero naming where there is neither.
func (env *environment) nameOrPath(ctx context.Context, parts []part, text string) (n naming, err error) {
	named, files := false, []string{}
	for _, p := range parts {
		_, has, err := p.SourceByName(ctx, text)
		if err != nil {
			return n, err
		}
		file, err := env.sourceAt(ctx, p, text)
		if err != nil {
			return n, err
		}
		if named = named || has; file != "" && file != text {
			files = append(files, file)
		}
	}
	switch {
	case named && len(files) > 0:
		n.remark = fmt.Sprintf("%q is taken for the source of that name; the file at this path is the source %q", text, files[0])
		fallthrough
	case named:
		n.expr = ofSources(text)
	case len(files) > 0:
		n.expr = ofSources(files...)
	}
	return n, nil
}

// sourceAt returns the name of the source in a store that is the file at a path, "" where none is.
func (env *environment) sourceAt(ctx context.Context, p part, path string) (string, error) {
	home, err := env.stores.Home(p.name)
	if err != nil {
		return "", err
	}
	key, err := home.Key(path)
	if err != nil {
		return "", err
	}
	known, err := p.SourcesByKey(ctx, []string{key})
	return known[key].Name, err
}

// matches reports whether a document matches a filter.
func matches(ctx context.Context, s engine.Lister, f *filter.Filter) (bool, error) {
	for _, err := range s.Documents(ctx, engine.ListOptions{Filter: f, Limit: 1, Brief: true}) {
		return err == nil, err
	}
	return false, nil
}

// sourceIndex is the sources of stores.
type sourceIndex struct{ byName, byPath []calling }

// calling is a text that a source is called by, its name or the path of its file.
type calling struct{ text, name string }

// sourcesOf returns the sources of stores.
func (env *environment) sourcesOf(ctx context.Context, parts []part) (all sourceIndex, err error) {
	for _, p := range parts {
		home, err := env.stores.Home(p.name)
		if err != nil {
			return all, err
		}
		for src, err := range p.AllSources(ctx) {
			if err != nil {
				return all, err
			}
			all.byName = append(all.byName, calling{src.Name, src.Name})
			all.byPath = append(all.byPath, calling{filepath.ToSlash(home.Path(src.Key)), src.Name})
		}
	}
	for _, list := range [][]calling{all.byName, all.byPath} {
		slices.SortStableFunc(list, func(a, b calling) int { return cmp.Compare(a.text, b.text) })
	}
	return all, nil
}

// meant returns the names of the sources that a text stands for; see [environment.naming].
func (x *sourceIndex) meant(text string) []string {
	path, pattern := filepath.FromSlash(text), filepath.FromSlash(text)
	if here, err := os.Getwd(); err == nil && !filepath.IsAbs(path) {
		path, pattern = filepath.Join(here, path), filepath.Join(glob.Quote(here), pattern)
	}
	path, pattern = filepath.ToSlash(filepath.Clean(path)), filepath.ToSlash(pattern)
	for _, found := range []iter.Seq[calling]{
		beginning(x.byName, text, ""), beginning(x.byPath, path, ""),
		matching(x.byName, text), beginning(x.byName, strings.TrimRight(text, "/"), "/"),
		matching(x.byPath, pattern), beginning(x.byPath, path, "/"),
	} {
		var names []string
		for c := range found {
			names = append(names, c.name)
		}
		if len(names) > 0 {
			slices.Sort(names)
			return slices.Compact(names)
		}
	}
	return nil
}

// beginning yields those of a sorted list that are called text or, where there is an end, that begin with
// text and it.
func beginning(list []calling, text, end string) iter.Seq[calling] {
	return func(yield func(calling) bool) {
		at, _ := slices.BinarySearchFunc(list, text+end, func(c calling, text string) int { return cmp.Compare(c.text, text) })
		for _, c := range list[at:] {
			if is := c.text == text; end == "" && !is || !strings.HasPrefix(c.text, text+end) || !yield(c) {
				return
			}
		}
	}
}

// matching yields those of a list that a glob matches; text without a special character is none.
func matching(list []calling, pattern string) iter.Seq[calling] {
	return func(yield func(calling) bool) {
		if pattern == glob.Quote(pattern) || glob.Check(pattern) != nil {
			return
		}
		for _, c := range list {
			if glob.Match(pattern, c.text) && !yield(c) {
				return
			}
		}
	}
}

// nearComparisons is the number of sources among which the nearest to a name is looked for.
const nearComparisons = 10_000

// nearest returns the name that a text may be a misspelling of: one that takes few changes, or the same
// file in another folder; "" for none.
func (x *sourceIndex) nearest(text string) (name string) {
	least := max(2, len(text)/3) + 1
	for _, c := range x.byName[:min(len(x.byName), nearComparisons)] {
		distance := edits(text, c.name)
		if path.Base(c.name) == path.Base(text) {
			distance = 1
		}
		if distance < least {
			name, least = c.name, distance
		}
	}
	return name
}
