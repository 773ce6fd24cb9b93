package filter

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
)

// sourceNames is the index of some sources by name; a source's number is its place.
type sourceNames []string

func (names sourceNames) between(low, high any, yield func(uint32, string) error) error {
	for i, name := range names {
		if !less(name, low) && less(name, high) {
			if err := yield(uint32(i), name); err != nil {
				return err
			}
		}
	}
	return nil
}

// TestSourcesAreAskedByName holds both ways to answer conditions on sources against
// metadata that has the source's name: for one source, and for all at once.
func TestSourcesAreAskedByName(t *testing.T) {
	t.Parallel()
	names := sourceNames{"a.md", "b.md", "docs/a.md", "docs/b.txt", "10", "null", ""}
	objects := []string{`{}`, `{"n":1}`, `{"n":2}`, `{"n":1,"source":"b.md"}`, `{"source":null}`, `{"source":3}`}
	for _, expr := range []string{
		`source=a.md`, `source!=a.md`, `source~*.md`, `source~docs/**`, `source=~^docs`, `source=10`, `source>="b"`, `source=`, `n=1`,
		`{"source": "a.md", "n": 1}`, `{"$or": [{"source": "a.md"}, {"n": 1}]}`, `{"$not": {"source": {"$glob": "*.md"}}}`,
		`{"$or": [{"source": "a.md"}, {"$and": [{"source": {"$glob": "docs/*"}}, {"n": 1}]}]}`, `{"$not": {"source": "a.md", "n": 1}}`,
		`{"source": {"$exists": true}, "n": {"$neq": 1}}`, `{"source": {"$exists": false}}`, `{"source": {"$in": ["a.md", "docs/b.txt"]}}`,
		`{"source": null}`, `{"$or": [{"source": null}, {"n": 2}]}`, `{"source.x": 1}`,
	} {
		f, err := Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		parts, others, err := f.BySource(names.between, 1<<20)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
		}
		for i, name := range names {
			byParts := others
			for _, p := range parts {
				if p.Sources.Contains(uint32(i)) {
					byParts = p.Filter
				}
			}
			for _, object := range objects {
				want := matchNamed(t, f, object, name)
				for way, g := range map[string]*Filter{"Of": f.Of(name), "BySource": byParts} {
					if got, err := g.Match(json.RawMessage(object)); got != want || err != nil {
						t.Errorf("%s on %s of %q by %s: %v (%v), want %v", expr, object, name, way, got, err, want)
					}
				}
			}
		}
	}
}

// matchNamed matches metadata whose source is the name.
func matchNamed(t *testing.T, f *Filter, object, name string) bool {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(object), &all); err != nil {
		t.Fatal(err)
	}
	all[SourceKey] = name
	named, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	matches, err := f.Match(named)
	if err != nil {
		t.Fatal(err)
	}
	return matches
}

// TestPartsAreFew has one part for all sources that answer alike, whatever their number.
func TestPartsAreFew(t *testing.T) {
	t.Parallel()
	var names sourceNames
	for i := range 100 {
		names = append(names, fmt.Sprintf("docs/%d.md", i))
	}
	f, err := Parse("source~docs/*", `source!=docs/7.md`)
	if err != nil {
		t.Fatal(err)
	}
	parts, _, err := f.BySource(names.between, 101)
	if err != nil || len(parts) != 2 {
		t.Errorf("%d parts, %v; want 2", len(parts), err)
	}
	if _, _, err := f.BySource(names.between, 100); !errors.Is(err, ErrLimit) {
		t.Errorf("100 allowed: %v", err)
	}
}

func TestAsksSource(t *testing.T) {
	t.Parallel()
	var none *Filter
	if none.AsksSource() || none.Of("a") != nil {
		t.Error("no filter asks nothing")
	}
	f, err := Parse("n=1")
	if err != nil {
		t.Fatal(err)
	}
	parts, others, err := f.BySource(nil, 0)
	if f.AsksSource() || f.Of("a") != f || parts != nil || others != f || err != nil {
		t.Errorf("a filter without the source is divided: %v, %v", parts, err)
	}
}
