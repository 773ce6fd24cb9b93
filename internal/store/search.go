package store

import (
	"context"
	"errors"
	"fmt"
	"os"

	"sheaf/internal/faiss"
)

// Hit is a document with its place in an answer.
type Hit struct {
	Document
	Rank      int     // from 1
	Score     float32 // Faiss's raw figure
	Relevance float64 // 0..1, higher is better
}

// SearchOptions choose what Search answers.
type SearchOptions struct {
	K           int // how many hits a query, at least 1
	WithVectors bool
	Threads     int // 0: one per processor
}

// searchTries is how often a search that met a deletion is repeated; the last
// try keeps the transaction open, so that writers wait.
const searchTries = 3

// Search returns for each of the n queries (n*dim numbers) its K nearest
// documents, best first, ties by age. A wrong dim is a *MismatchError.
func (s *Store) Search(ctx context.Context, queries []float32, o SearchOptions) ([][]Hit, error) {
	if o.K < 1 {
		return nil, fmt.Errorf("k must be at least 1, not %d", o.K)
	}
	queries, err := s.Facts().vectors(queries)
	if err != nil {
		return nil, err
	}
	for range searchTries - 1 {
		hits, err := s.searchUnlocked(ctx, queries, o)
		if !errors.Is(err, errChanged) {
			return hits, err
		}
	}
	var hits [][]Hit
	err = s.transaction(ctx, func() error {
		snap, err := s.snapshot()
		if err != nil {
			return err
		}
		defer snap.file.Close()
		rows, err := snap.scan(ctx, queries, o)
		if err != nil {
			return err
		}
		hits, err = s.texts(snap, rows, o)
		return err
	})
	return hits, err
}

// errChanged says that documents went away between a scan and the reading of
// texts, or between two pages of a transfer.
var errChanged = errors.New("documents were taken away meanwhile")

// searchUnlocked scans without a transaction, and gives errChanged where a
// document was taken away meanwhile: its answer could show another one's text.
func (s *Store) searchUnlocked(ctx context.Context, queries []float32, o SearchOptions) (hits [][]Hit, err error) {
	var snap *snapshot
	err = s.transaction(ctx, func() error {
		snap, err = s.snapshot()
		return err
	})
	if err != nil {
		return nil, err
	}
	defer snap.file.Close()
	rows, err := snap.scan(ctx, queries, o)
	if err != nil {
		return nil, err
	}
	err = s.transaction(ctx, func() error {
		if s.state.generation != snap.state.generation {
			return errChanged
		}
		hits, err = s.texts(snap, rows, o)
		return err
	})
	return hits, err
}

// snapshot is what a scan needs: a state and the open index file that fits it.
type snapshot struct {
	state *state
	flat  *faiss.Flat
	file  *os.File
}

func (s *Store) snapshot() (*snapshot, error) {
	flat, file, err := s.openIndex()
	if err != nil {
		return nil, err
	}
	return &snapshot{s.state, flat, file}, nil
}

func (snap *snapshot) scan(ctx context.Context, queries []float32, o SearchOptions) ([][]faiss.Hit, error) {
	k := int(min(int64(o.K), snap.state.documents))
	if k == 0 {
		return make([][]faiss.Hit, len(queries)/snap.state.facts.Dim), nil
	}
	return snap.flat.Search(ctx, queries, faiss.Search{K: k, Skip: snap.state.skip(), Threads: o.Threads})
}

// texts turns rows into hits, inside a transaction of the snapshot's generation.
func (s *Store) texts(snap *snapshot, rows [][]faiss.Hit, o SearchOptions) ([][]Hit, error) {
	hits := make([][]Hit, len(rows))
	for q := range rows {
		numbers := make([]int64, len(rows[q]))
		for i, hit := range rows[q] {
			n, err := snap.state.document(hit.Row)
			if err != nil {
				return nil, damaged(s.path, "row %d of the index has no document", hit.Row)
			}
			numbers[i] = n
		}
		docs, err := s.load(numbers, false)
		if err != nil {
			return nil, err
		}
		if o.WithVectors && len(docs) > 0 {
			if err := snap.state.addVectors(snap.flat, numbers, docs); err != nil {
				return nil, err
			}
		}
		hits[q] = make([]Hit, len(docs))
		for i, d := range docs {
			score := rows[q][i].Score
			hits[q][i] = Hit{d, i + 1, score, relevance(snap.state.facts.Metric, snap.state.unit, score)}
		}
	}
	return hits, nil
}
