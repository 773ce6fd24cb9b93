package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"

	"sheaf/internal/engine"
	"sheaf/internal/metadata"
	"sheaf/internal/store"
)

// sourceDocuments is how many documents each source of a synthetic store has.
const sourceDocuments = 1000

// vectors is a stream of random directions, the same for the same seed.
type vectors struct{ random *rand.Rand }

func newVectors(seed uint64) vectors { return vectors{rand.New(rand.NewPCG(seed, dim))} }

// fill makes x one vector of length 1.
func (v vectors) fill(x []float32) {
	var sum float64
	for i := range x {
		n := v.random.NormFloat64()
		x[i] = float32(n)
		sum += n * n
	}
	inverse := float32(1 / math.Sqrt(sum))
	for i := range x {
		x[i] *= inverse
	}
}

// queries are n vectors that no store holds.
func queries(n int) []float32 {
	v := newVectors(1)
	x := make([]float32, n*dim)
	for i := 0; i < len(x); i += dim {
		v.fill(x[i : i+dim])
	}
	return x
}

// store gives the directory of the synthetic store with n documents.
func (b *bench) store(ctx context.Context, n int) (string, error) {
	return b.keep(ctx, strconv.Itoa(n), 0, n, document)
}

// keep gives the directory of the store with a name and the n documents from
// first on, which is made where it is missing or was left half done.
func (b *bench) keep(ctx context.Context, name string, first, n int, document func(int) engine.Document) (string, error) {
	dir := filepath.Join(b.data, name)
	s, err := store.Open(ctx, dir, engine.Options{})
	if err == nil {
		info, err := s.Info(ctx)
		if err := errors.Join(err, s.Close()); err != nil {
			return "", err
		}
		if info.Documents >= int64(n) {
			return dir, nil
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	fmt.Fprintf(os.Stderr, "bench: making a store of %d documents\n", n)
	w, err := store.Create(ctx, dir, engine.Facts{Dim: dim, Metric: engine.L2}, engine.Options{})
	if err != nil {
		return "", err
	}
	return dir, errors.Join(addDocuments(ctx, w, first, first+n, document), w.Close())
}

// addDocuments adds those from first up to end and commits once.
func addDocuments(ctx context.Context, w *store.Writer, first, end int, document func(int) engine.Document) error {
	v := newVectors(uint64(first))
	for ; first < end; first += sourceDocuments {
		var docs []engine.Document
		for i := first; i < min(first+sourceDocuments, end); i++ {
			docs = append(docs, document(i))
		}
		source := engine.Source{Key: "synthetic:" + strconv.Itoa(first), Name: fmt.Sprintf("part-%07d.jsonl", first)}
		if err := addSource(ctx, w, source, docs, v.fill); err != nil {
			return err
		}
	}
	return w.Commit(ctx)
}

// addSource stages a new source, with the vectors that fill makes.
func addSource(ctx context.Context, w *store.Writer, source engine.Source, docs []engine.Document, fill func([]float32)) error {
	r, err := w.Replace(ctx, source)
	if err != nil {
		return err
	}
	x := make([]float32, dim)
	for _, doc := range docs {
		fill(x)
		if err := r.Add(ctx, doc, x, engine.Given); err != nil {
			return err
		}
	}
	r.Done(source)
	return nil
}

// document is the i-th one, with a text about as long as a sentence.
func document(i int) engine.Document {
	return engine.Document{
		ID:         fmt.Sprintf("doc-%07d", i),
		Text:       fmt.Sprintf("This is document %d of a synthetic store, with a short text that says nothing else.", i),
		Metadata:   metadata.Raw([]byte(`{"lang":"en"}`)),
		StartIndex: -1,
		StartLine:  i%sourceDocuments + 1,
		EndLine:    i%sourceDocuments + 1,
	}
}

// copyOf copies a store to a folder that removes it again.
func (b *bench) copyOf(dir string) (path string, remove func() error, err error) {
	root, err := os.MkdirTemp(b.data, "copy")
	if err != nil {
		return "", nil, err
	}
	path, remove = filepath.Join(root, filepath.Base(dir)), func() error { return os.RemoveAll(root) }
	if err := os.CopyFS(path, os.DirFS(dir)); err != nil {
		return "", nil, errors.Join(err, remove())
	}
	return path, remove, nil
}

// indexFile is the one file of vectors in a store.
func indexFile(dir string) (string, error) {
	found, err := filepath.Glob(filepath.Join(dir, "index.*.faiss"))
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%q has %d index files, not one", dir, len(found))
	}
	return found[0], nil
}
