package engine_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
)

func TestQueries(t *testing.T) {
	t.Parallel()
	cosine := engine.Facts{Dim: 2, Metric: engine.Cosine}
	tests := []struct {
		name    string
		o       engine.SearchOptions
		vectors [][]float32
		want    [][]float32
		err     string
	}{
		{"brought to length 1", engine.SearchOptions{K: 1}, [][]float32{{3, 4}}, [][]float32{{0.6, 0.8}}, ""},
		{"words alone", engine.SearchOptions{K: 1, Mode: engine.ByWords, Texts: []string{"a", "b"}}, [][]float32{nil, {0, 2}}, [][]float32{nil, {0, 1}}, ""},
		{"no vector", engine.SearchOptions{K: 1, Mode: engine.Hybrid, Texts: []string{"a"}}, [][]float32{nil}, nil, "dim"},
		{"another length", engine.SearchOptions{K: 1}, [][]float32{{1}}, nil, "the store has dim 2, not 1"},
		{"a text too few", engine.SearchOptions{K: 1, Mode: engine.ByWords, Texts: []string{"a"}}, [][]float32{nil, nil}, nil, "1 texts and 2 vectors"},
		{"no hits", engine.SearchOptions{}, nil, nil, "k must be at least 1"},
	}
	for _, test := range tests {
		got, err := test.o.Queries(cosine, test.vectors)
		if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) || !slices.EqualFunc(got, test.want, slices.Equal[[]float32]) {
			t.Errorf("%s: %v, %v", test.name, got, err)
		}
	}
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	three, least := float32(3), 0.5
	last := func(_ context.Context, _ []float32, nearest [][]float32) ([]int, error) {
		return []int{len(nearest) - 1}, nil
	}
	only, err := filter.Parse("source=b")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		o     engine.SearchOptions
		query []float32
		want  string // ids
	}{
		{"all", engine.SearchOptions{K: 4}, []float32{0}, "1234"},
		{"up to a distance", engine.SearchOptions{K: 4, ScoreThreshold: &three}, []float32{0}, "123"},
		{"from a relevance on", engine.SearchOptions{K: 4, MinRelevance: &least}, []float32{0}, "1"},
		{"what is picked", engine.SearchOptions{K: 4, Pick: last, ScoreThreshold: &three}, []float32{0}, "3"},
		{"a filter that was asked before", engine.SearchOptions{K: 1, Filter: only}, []float32{0}, "1234"},
		{"a filter that leaves some", engine.SearchOptions{K: 1, Filter: only, FetchK: 4}, []float32{0}, "2"},
		{"by words", engine.SearchOptions{K: 4, Mode: engine.ByWords}, nil, "1234"},
	}
	for _, test := range tests {
		for _, with := range []bool{false, true} {
			var hits []engine.Hit
			for i, source := range []string{"a", "b", "a", "b"} {
				h := engine.Hit{Document: engine.Document{ID: string(rune('1' + i)), Source: source, Vector: []float32{1}}, Score: float32(i + 1)}
				if test.query == nil {
					h.Score = float32(math.NaN())
				}
				hits = append(hits, h)
			}
			test.o.WithVectors = with
			hits, err := test.o.Answer(t.Context(), engine.L2, false, test.query, hits)
			got := ""
			for i, h := range hits {
				got += h.ID
				if h.Rank != i+1 || (h.Vector != nil) != with || math.IsNaN(h.Relevance) != (test.query == nil) {
					t.Errorf("%s: %+v", test.name, h)
				}
			}
			if err != nil || got != test.want {
				t.Errorf("%s: %s, want %s, %v", test.name, got, test.want, err)
			}
		}
	}
	wrong := errors.New("no pick")
	o := engine.SearchOptions{K: 1, Pick: func(context.Context, []float32, [][]float32) ([]int, error) { return nil, wrong }}
	if _, err := o.Answer(t.Context(), engine.L2, false, []float32{0}, nil); !errors.Is(err, wrong) {
		t.Errorf("an error becomes %v", err)
	}
}
