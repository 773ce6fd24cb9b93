package store

import (
	"fmt"
	"iter"
	"sync"

	"sheaf/internal/crash"
	"sheaf/internal/engine"
	"sheaf/internal/vector"
)

// How much is read before it is written: so many batches, each of so many
// documents or bytes.
const (
	aheadBatches   = 8
	aheadDocuments = 256
	aheadBytes     = 2 << 20
)

// reading is a document that was read ahead, with the terms of its text.
type reading struct {
	engine.Transfer
	terms []uint64
}

// batch is what the reader hands over at once. Its memory is used again.
type batch struct {
	documents []reading
	floats    []float32 // of all vectors
	terms     []uint64  // of all texts
	bytes     int
}

func (b *batch) full() bool { return len(b.documents) >= aheadDocuments || b.bytes >= aheadBytes }

func (b *batch) reset() {
	*b = batch{documents: b.documents[:0], floats: b.floats[:0], terms: b.terms[:0]}
}

// add adds a document with its metadata parsed, its terms, and a copy of its vector.
func (b *batch) add(t engine.Transfer, finder *termFinder) (err error) {
	if last := len(b.documents) - 1; last >= 0 && b.documents[last].Metadata.Equal(t.Metadata) {
		t.Metadata = b.documents[last].Metadata
	} else if t.Metadata, err = t.Metadata.Read(); err != nil {
		return fmt.Errorf("id %q: %w", t.ID, err)
	}
	b.floats = append(b.floats, t.Vector...)
	t.Vector = b.floats[len(b.floats)-len(t.Vector):]
	before := len(b.terms)
	b.terms = finder.append(b.terms, t.Text)
	b.documents = append(b.documents, reading{t, b.terms[before:]})
	b.bytes += len(t.Text) + len(t.Metadata.JSON()) + vector.Size*len(t.Vector)
	return nil
}

// ahead reads documents in a goroutine of its own, beside the one that writes them.
// Their vectors may be valid only until the next document, and so may what it yields.
func ahead(docs iter.Seq2[engine.Transfer, error], finder *termFinder) iter.Seq2[reading, error] {
	return func(yield func(reading, error) bool) {
		batches, stop := make(chan *batch, aheadBatches), make(chan struct{})
		used := sync.Pool{New: func() any { return new(batch) }}
		var failure error // valid once batches is closed
		var reader sync.WaitGroup
		reader.Go(func() {
			defer close(batches)
			defer crash.Catch(&failure)
			failure = inBatches(docs, finder, &used, func(b *batch) bool {
				select {
				case batches <- b:
					return true
				case <-stop:
					return false
				}
			})
		})
		defer reader.Wait()
		defer close(stop)
		for b := range batches {
			for _, t := range b.documents {
				if !yield(t, nil) {
					return
				}
			}
			used.Put(b)
		}
		if failure != nil {
			yield(reading{}, failure)
		}
	}
}

// inBatches collects documents until send takes no more of them.
func inBatches(docs iter.Seq2[engine.Transfer, error], finder *termFinder, used *sync.Pool, send func(*batch) bool) error {
	b := used.Get().(*batch)
	for t, err := range docs {
		if err == nil {
			err = b.add(t, finder)
		}
		if err != nil {
			send(b)
			return err
		}
		if !b.full() {
			continue
		}
		if !send(b) {
			return nil
		}
		b = used.Get().(*batch)
		b.reset()
	}
	send(b)
	return nil
}
