package engine_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/metadata"
)

// shelved is documents of sources 1 and 2, by id, of which those that were embedded are asked for
// by their texts.
type shelved struct {
	docs  map[string]engine.Held
	asked []string // texts
	err   error
}

var errRefused = errors.New("no such text")

func (s *shelved) Refuses(d *engine.Document) error {
	if strings.Contains(d.Text, "\x00") {
		return errRefused
	}
	return nil
}

func (s *shelved) HoldersOf(context.Context, []string) (map[string]engine.Held, error) {
	return s.docs, nil
}

func (s *shelved) VectorsOf(_ context.Context, texts []string) (map[string][]float32, error) {
	s.asked = texts
	found := map[string][]float32{}
	for _, d := range s.docs {
		if d.Origin == engine.Embedded && slices.Contains(texts, d.Text) {
			found[d.Text] = d.Vector
		}
	}
	return found, s.err
}

func TestMatches(t *testing.T) {
	t.Parallel()
	object, err := metadata.Parse([]byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	one, two := []float32{1, 0}, []float32{0, 1}
	s := &shelved{docs: map[string]engine.Held{
		"given":    {Document: engine.Document{Text: "x", Vector: one, StartLine: 1}, Number: 7, SourceNumber: 1},
		"embedded": {Document: engine.Document{Text: "y", Vector: two}, Number: 8, SourceNumber: 1, Origin: engine.Embedded},
		"cut":      {Document: engine.Document{Text: "z", Vector: two}, Number: 9, SourceNumber: 1, Origin: engine.Truncated},
		"other":    {Document: engine.Document{Text: "w", Vector: one}, Number: 10, SourceNumber: 2},
	}}
	tests := []struct {
		name string
		doc  engine.Document
		want engine.Match
	}{
		{"new", engine.Document{ID: "new", Text: "v"}, engine.Match{}},
		{"new with a text that is known", engine.Document{ID: "new", Text: "y"}, engine.Match{Vector: two}},
		{"new with a text of which the beginning is known", engine.Document{ID: "new", Text: "z"}, engine.Match{}},
		{"new with a vector and a text that is known", engine.Document{ID: "new", Text: "y", Vector: one}, engine.Match{}},
		{"another source's", engine.Document{ID: "other", Text: "w"}, engine.Match{Taken: true}},
		{"another source's, with a text that is known", engine.Document{ID: "other", Text: "y"}, engine.Match{Taken: true, Vector: two}},
		{"the same, embedded", engine.Document{ID: "embedded", Text: "y"}, engine.Match{Kept: true, Number: 8}},
		{"the same, of which the beginning was embedded", engine.Document{ID: "cut", Text: "z"}, engine.Match{Kept: true, Number: 9}},
		{"the same with its vector", engine.Document{ID: "given", Text: "x", Vector: one, StartLine: 1}, engine.Match{Kept: true, Number: 7}},
		{"with another vector", engine.Document{ID: "given", Text: "x", Vector: two, StartLine: 1}, engine.Match{Number: 7}},
		{"now without a vector", engine.Document{ID: "given", Text: "x", StartLine: 1}, engine.Match{Number: 7}},
		{"now with a vector", engine.Document{ID: "embedded", Text: "y", Vector: two}, engine.Match{Number: 8}},
		{"with another text", engine.Document{ID: "embedded", Text: "u"}, engine.Match{Number: 8}},
		{"at another line", engine.Document{ID: "given", Text: "x", Vector: one, StartLine: 2}, engine.Match{Kept: true, Number: 7, Moved: true}},
		{"to another line", engine.Document{ID: "given", Text: "x", Vector: one, StartLine: 1, EndLine: 1}, engine.Match{Kept: true, Number: 7, Moved: true}},
		{"at another place", engine.Document{ID: "given", Text: "x", Vector: one, StartLine: 1, StartIndex: 3}, engine.Match{Kept: true, Number: 7, Moved: true}},
		{"with other metadata", engine.Document{ID: "embedded", Text: "y", Metadata: object}, engine.Match{Kept: true, Number: 8, Moved: true}},
		{"refused", engine.Document{ID: "new", Text: "\x00"}, engine.Match{Err: errRefused}},
		{"with a vector of another length", engine.Document{ID: "new", Text: "x", Vector: []float32{1}}, engine.Match{Err: &engine.MismatchError{Fact: "dim", Store: "2", Given: "1"}}},
	}
	var docs []engine.Document
	for _, test := range tests {
		docs = append(docs, test.doc)
	}
	got, free, err := engine.Matches(t.Context(), s, engine.Facts{Dim: 2, Metric: engine.L2}, engine.Source{Number: 1}, docs)
	if err != nil || !slices.Equal(free, []string{"new", "new", "new", "new"}) {
		t.Fatalf("free are %q, %v", free, err)
	}
	for i, test := range tests {
		if !reflect.DeepEqual(got[i], test.want) {
			t.Errorf("%s: %+v, want %+v", test.name, got[i], test.want)
		}
	}
	if want := []string{"v", "y", "z", "w", "y", "x", "u"}; !slices.Equal(s.asked, want) {
		t.Errorf("vectors of %q were asked for, want %q", s.asked, want)
	}
	s.err = errors.New("the connection is lost")
	if _, _, err := engine.Matches(t.Context(), s, engine.Facts{Dim: 2, Metric: engine.L2}, engine.Source{Number: 1}, docs); !errors.Is(err, s.err) {
		t.Errorf("an error becomes %v", err)
	}
}
