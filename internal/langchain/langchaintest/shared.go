package langchaintest

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"os"
	"testing"

	"sheaf/internal/faiss"
	"sheaf/internal/langchain"
	"sheaf/internal/pickle"
)

// Shared writes a store of n vectors into a new directory. Their ids all name one
// document, which the pickle has once.
func Shared(t testing.TB, n int, text string, metadata json.RawMessage) (dir string) {
	t.Helper()
	dir = t.TempDir()
	var docs, index bytes.Buffer
	p := pickle.NewWriter(&docs)
	p.Class("langchain_community.docstore.in_memory.InMemoryDocstore")
	p.New()
	p.Dict()
	p.Text("_dict")
	p.Dict()
	p.Text("first")
	p.Class("langchain_core.documents.base.Document")
	p.New()
	document := p.Memoize()
	p.Dict()
	p.Text("__dict__")
	p.Dict()
	p.Text("page_content")
	p.Text(text)
	p.SetItem()
	p.Text("metadata")
	err := p.JSON(metadata)
	p.SetItem()
	p.SetItem()
	p.Build()
	p.SetItem()
	for i := range n {
		p.Int(int64(i))
		p.Again(document)
		p.SetItem()
	}
	p.SetItem()
	p.Build()
	p.Dict()
	for i := range n {
		p.Int(int64(i))
		p.Int(int64(i))
		p.SetItem()
	}
	p.Tuple(2)
	vectors := func(yield func(langchain.Document, error) bool) {
		for range n {
			if !yield(langchain.Document{Vector: []float32{1}}, nil) {
				return
			}
		}
	}
	err = errors.Join(err, p.Close(),
		langchain.WriteIndex(&index, langchain.Shape{Dim: 1, Metric: faiss.L2}, int64(n), iter.Seq2[langchain.Document, error](vectors)),
		os.WriteFile(langchain.DocumentsFile(dir, langchain.DefaultName), docs.Bytes(), 0o666),
		os.WriteFile(langchain.IndexFile(dir, langchain.DefaultName), index.Bytes(), 0o666))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
