package store

import (
	"fmt"
	"iter"
	"slices"
	"sync"

	"sheaf/internal/engine"
	"sheaf/internal/metadata"
)

// How much is read before it is written: so many batches, each of so many
// documents or bytes.
const (
	aheadBatches   = 2
	aheadDocuments = 256
	aheadBytes     = 2 << 20
)

// incoming is a document to be merged.
type incoming struct {
	engine.Transfer
	object metadata.Object // its metadata, with the members read
}

// ahead reads documents in a goroutine of its own, beside the one that writes them.
// It parses their metadata, and copies vectors, which may be valid only until the
// next document.
func ahead(docs iter.Seq2[engine.Transfer, error]) iter.Seq2[incoming, error] {
	return func(yield func(incoming, error) bool) {
		batches, stop := make(chan []incoming, aheadBatches), make(chan struct{})
		var failure error // valid once batches is closed
		var reader sync.WaitGroup
		reader.Go(func() {
			defer close(batches)
			failure = inBatches(docs, func(batch []incoming) bool {
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
			yield(incoming{}, failure)
		}
	}
}

// inBatches collects documents until send takes no more of them.
func inBatches(docs iter.Seq2[engine.Transfer, error], send func([]incoming) bool) error {
	var batch []incoming
	bytes := 0
	for transfer, err := range docs {
		if err != nil {
			send(batch)
			return err
		}
		t := incoming{Transfer: transfer}
		t.Vector = slices.Clone(t.Vector)
		if last := len(batch) - 1; last >= 0 && string(batch[last].Metadata) == string(t.Metadata) {
			t.object = batch[last].object
		} else if t.object, err = metadata.Parse(t.Metadata); err != nil {
			send(batch)
			return fmt.Errorf("id %q: %w", t.ID, err)
		}
		batch = append(batch, t)
		if bytes += len(t.Text) + len(t.Metadata) + 4*len(t.Vector); len(batch) < aheadDocuments && bytes < aheadBytes {
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
