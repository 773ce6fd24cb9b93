package exchange

import (
	"context"
	"fmt"
	"iter"

	"sheaf/internal/engine"
	"sheaf/internal/hint"
	"sheaf/internal/langchain"
)

// docstore is a JSON file of documents that are looked up by their ids. The ids and where the
// documents are take memory, not the documents.
type docstore struct {
	*jsonFile
	ids      []string // in the order of the file
	places   map[string]place
	document func(raw []byte) (engine.Document, error) // reads one
	used     map[string]bool                           // those that have a vector
}

// embedding is a vector and the id of its document.
type embedding struct {
	id     string
	vector []float32
}

func newDocstore(d *jsonFile, document func(raw []byte) (engine.Document, error)) *docstore {
	return &docstore{jsonFile: d, places: map[string]place{}, document: document, used: map[string]bool{}}
}

// add reads the place of a document, which the decoder is at.
func (s *docstore) add(id string) error {
	_, at, err := s.value()
	if err != nil {
		return err
	}
	if _, has := s.places[id]; has {
		return s.errorf("two documents have the id %q", id)
	}
	s.ids, s.places[id] = append(s.ids, id), at
	return nil
}

// transfer returns the document with an id.
func (s *docstore) transfer(id string) (t engine.Transfer, err error) {
	raw, err := s.read(s.places[id])
	if err != nil {
		return t, err
	}
	if t.Document, err = s.document(raw); err != nil {
		return t, s.errorf("document %q: %w", id, err)
	}
	t.ID, t.StartIndex = id, -1
	return t, nil
}

// all yields the documents without vectors, in the order of the file.
func (s *docstore) all(yield func(engine.Transfer, error) bool) {
	for _, id := range s.ids {
		if t, err := s.transfer(id); !yield(t, err) || err != nil {
			return
		}
	}
}

// with yields the documents of vectors. A document has one vector at most: what is written out for
// each could else become much larger than the file.
func (s *docstore) with(vectors iter.Seq2[embedding, error]) iter.Seq2[engine.Transfer, error] {
	return func(yield func(engine.Transfer, error) bool) {
		for v, err := range vectors {
			var t engine.Transfer
			if err == nil {
				t, err = s.withVector(v)
			}
			if !yield(t, err) || err != nil {
				return
			}
		}
	}
}

func (s *docstore) withVector(v embedding) (t engine.Transfer, err error) {
	if _, has := s.places[v.id]; !has {
		return t, hint.With(s.errorf("the document %q is not there, though it has a vector", v.id), ReembedHint)
	}
	if s.used[v.id] {
		return t, hint.With(s.errorf("the document %q has two vectors", v.id), ReembedHint)
	}
	s.used[v.id] = true
	t, err = s.transfer(v.id)
	t.Vector = v.vector
	return t, err
}

// remarks returns what is worth knowing once the documents were read.
func (s *docstore) remarks() []string {
	switch n := len(s.ids) - len(s.used); n {
	case 0:
		return nil
	case 1:
		return []string{"1 document has no vector and was left out"}
	default:
		return []string{fmt.Sprintf("%d documents have no vector and were left out", n)}
	}
}

// readTexts makes the input one of all documents, without vectors.
func (in *Input) readTexts(s *docstore) error {
	in.documents, in.Total = s.all, len(s.ids)
	return nil
}

// readIndex makes the input one of the vectors of an index, whose labels have ids.
func (in *Input) readIndex(ctx context.Context, s *docstore, path string, o Options, ids map[int64]string) error {
	x, err := langchain.OpenIndex(ctx, path, o.Options)
	if err != nil {
		return hint.With(err, ReembedHint)
	}
	in.closers = append(in.closers, x.Close)
	if int64(len(ids)) != x.Ntotal {
		return hint.With(s.errorf("%d ids for the %d vectors of the index", len(ids), x.Ntotal), ReembedHint)
	}
	in.describe(x)
	in.Total = int(x.Ntotal)
	in.Remarks = func() []string { return append(s.remarks(), x.Remarks()...) }
	in.documents = s.with(func(yield func(embedding, error) bool) {
		i := int64(0)
		for v, err := range x.Vectors() {
			id, has := ids[x.Label(i)]
			if err == nil && !has {
				err = s.errorf("the vector %d of the index has no id", x.Label(i))
			}
			if !yield(embedding{id, v}, err) || err != nil {
				return
			}
			i++
		}
	})
	return nil
}
