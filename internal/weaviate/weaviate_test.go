package weaviate_test

import (
	"context"
	"os"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/engine/enginetest"
	"sheaf/internal/weaviate"
	"sheaf/internal/weaviate/weaviatetest"
)

func TestMain(m *testing.M) { os.Exit(weaviatetest.Tests{M: m}.Run()) }

// TestWeaviate starts one server for the tests of one node.
func TestWeaviate(t *testing.T) {
	t.Parallel()
	c := weaviatetest.Start(t, 0, 1)
	t.Run("conform", func(t *testing.T) { conform(t, c) })
	t.Run("golden", func(t *testing.T) { golden(t, c) })
}

func conform(t *testing.T, c *weaviatetest.Cluster) {
	t.Parallel()
	enginetest.Conform(t, enginetest.Engine{
		Create: func(ctx context.Context, name string, f engine.Facts) (enginetest.Writer, error) {
			return weaviate.Create(ctx, name, f, engine.Options{})
		},
		Open: func(ctx context.Context, name string) (enginetest.Reader, error) {
			return weaviate.Open(ctx, name, engine.Options{})
		},
		OpenWriter: func(ctx context.Context, name string) (enginetest.Writer, error) {
			return weaviate.OpenWriter(ctx, name, engine.Options{})
		},
		Name: c.Collection,
	})
}

// create makes a store.
func create(t *testing.T, url string, f engine.Facts) *weaviate.Writer {
	t.Helper()
	w, err := weaviate.Create(t.Context(), url, f, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func golden(t *testing.T, c *weaviatetest.Cluster) {
	enginetest.Golden(t, func(t *testing.T, f engine.Facts, docs []engine.Document) engine.Searcher {
		t.Helper()
		w := create(t, c.Collection(t), f)
		for i := range docs {
			docs[i].Source = "golden"
		}
		fill(t, w, docs...)
		return w
	})
}

// fill gives sources their documents, all of which have vectors, and commits.
func fill(t *testing.T, w *weaviate.Writer, docs ...engine.Document) {
	t.Helper()
	bySource := map[string][]engine.Document{}
	for _, d := range docs {
		bySource[d.Source] = append(bySource[d.Source], d)
	}
	for name, docs := range bySource {
		src := engine.Source{Key: "/" + name, Name: name}
		r, err := w.Replace(t.Context(), src)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range docs {
			if err := r.Add(t.Context(), d, d.Vector, engine.Given); err != nil {
				t.Fatal(err)
			}
		}
		r.Done(src)
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}
