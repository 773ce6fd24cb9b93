package store

import (
	"fmt"
	"iter"
	"slices"
	"sync"

	"sheaf/internal/crash"
	"sheaf/internal/engine"
)

// How much is read before it is written: so many batches, each of so many
// documents or bytes.
const (
	aheadBatches   = 2
	aheadDocuments = 256
	aheadBytes     = 2 << 20
)

// reading is a document that was read ahead, with the terms of its text.
type reading struct {
	engine.Transfer
	terms []uint64
}

// ahead reads documents in a goroutine of its own, beside the one that writes them.
// It parses their metadata, finds terms, and copies vectors, which may be valid only
// until the next document.
func ahead(docs iter.Seq2[engine.Transfer, error], terms *termFinder) iter.Seq2[reading, error] {
	return func(yield func(reading, error) bool) {
		batches, stop := make(chan []reading, aheadBatches), make(chan struct{})
		var failure error // valid once batches is closed
		var reader sync.WaitGroup
		reader.Go(func() {
			defer close(batches)
			defer crash.Catch(&failure)
			failure = inBatches(docs, terms, func(batch []reading) bool {
				select {
				case batches <- batch:
					return true
				case <-stop:
					return false
				}
			})
		})
		defer reader.Wait()
		defer close(stop)
		for batch := range batches {
			for _, t := range batch {
				if !yield(t, nil) {
					return
				}
			}
		}
		if failure != nil {
			yield(reading{}, failure)
		}
	}
}

// inBatches collects documents until send takes no more of them.
func inBatches(docs iter.Seq2[engine.Transfer, error], terms *termFinder, send func([]reading) bool) error {
	var batch []reading
	bytes := 0
	for t, err := range docs {
		if err != nil {
			send(batch)
			return err
		}
		t.Vector = slices.Clone(t.Vector)
		if last := len(batch) - 1; last >= 0 && batch[last].Metadata.Equal(t.Metadata) {
			t.Metadata = batch[last].Metadata
		} else if t.Metadata, err = t.Metadata.Read(); err != nil {
			send(batch)
			return fmt.Errorf("id %q: %w", t.ID, err)
		}
		batch = append(batch, reading{t, terms.of(t.Text)})
		if bytes += len(t.Text) + len(t.Metadata.JSON()) + 4*len(t.Vector); len(batch) < aheadDocuments && bytes < aheadBytes {
			continue
		}
		if !send(batch) {
			return nil
		}
		batch, bytes = nil, 0
	}
	send(batch)
	return nil
}
