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

// ahead reads documents in a goroutine of its own, beside the one that writes them.
// It parses their metadata, and copies vectors, which may be valid only until the
// next document.
func ahead(docs iter.Seq2[engine.Transfer, error]) iter.Seq2[engine.Transfer, error] {
	return func(yield func(engine.Transfer, error) bool) {
		batches, stop := make(chan []engine.Transfer, aheadBatches), make(chan struct{})
		var failure error // valid once batches is closed
		var reader sync.WaitGroup
		reader.Go(func() {
			defer close(batches)
			defer crash.Catch(&failure)
			failure = inBatches(docs, func(batch []engine.Transfer) bool {
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
			yield(engine.Transfer{}, failure)
		}
	}
}

// inBatches collects documents until send takes no more of them.
func inBatches(docs iter.Seq2[engine.Transfer, error], send func([]engine.Transfer) bool) error {
	var batch []engine.Transfer
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
		batch = append(batch, t)
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
