package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"sheaf/internal/codes"
	"sheaf/internal/column"
	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/postings"
	"sheaf/internal/words"
)

// searchTries is how often a search that met a deletion is repeated; the last
// try keeps the transaction open, so that writers wait.
const searchTries = 3

// Search returns for each query its K best documents by o.Mode, best first, ties by
// age, or those that o.Pick picks. A query of another dim is a *MismatchError.
func (s *Store) Search(ctx context.Context, vectors [][]float32, o engine.SearchOptions) (hits [][]engine.Hit, err error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.ByText() && len(o.Texts) != len(vectors) {
		return nil, fmt.Errorf("%d texts and %d vectors are asked for", len(o.Texts), len(vectors))
	}
	var queries []float32
	if o.Mode != engine.ByWords || slices.ContainsFunc(vectors, func(v []float32) bool { return v != nil }) {
		queries, err = s.Facts().Rows(vectors)
	}
	if err != nil || len(vectors) == 0 {
		return nil, err
	}
	squared := make([]float64, len(vectors))
	copy(squared, engine.SquaredLengths(queries, s.Facts().Dim))
	err = s.try(ctx, func(snap *snapshot) error {
		snap.squared = squared
		snap.prepareTexts()
		if err := snap.approximate(ctx, o); err != nil {
			return err
		}
		found, err := snap.nearest(ctx, queries, o)
		if err == nil && o.Pick != nil {
			err = snap.pick(ctx, queries, found, o)
		}
		if err != nil {
			return err
		}
		return snap.read(ctx, func(t *tx) error {
			hits, err = snap.texts(t, found, o)
			if err == nil {
				err = snap.mark(t, found, hits, o)
			}
			if err == nil && snap.lost != nil && o.Lost != nil {
				o.Lost(snap.lost)
			}
			if err == nil && o.Looked != nil {
				for q, looked := range snap.looked {
					if looked > 0 {
						o.Looked(q, looked, snap.state.rows)
					}
				}
			}
			return err
		})
	})
	return hits, err
}

// errChanged says that documents went away between a scan and the reading of
// texts, or between two pages of a transfer.
var errChanged = errors.New("documents were taken away meanwhile")

// try runs f, which scans without a transaction, and runs it again where a
// document was taken away meanwhile: its answer could show another one's text.
func (s *Store) try(ctx context.Context, f func(*snapshot) error) error {
	for range searchTries - 1 {
		var snap *snapshot
		err := s.view(ctx, func(t *tx) (err error) {
			snap, err = s.snapshot(t)
			return err
		})
		if err != nil {
			return err
		}
		err = f(snap)
		snap.Close()
		if !errors.Is(err, errChanged) {
			return err
		}
	}
	return s.view(ctx, func(t *tx) error {
		snap, err := s.snapshot(t)
		if err != nil {
			return err
		}
		defer snap.Close()
		snap.open = t
		return f(snap)
	})
}

// snapshot is what a search needs: a state, and the open files that fit it.
type snapshot struct {
	store   *Store
	state   *state
	vectors vectors
	codes   *codes.File    // nil: there are none
	lists   *approximation // nil: all rows are looked at
	looked  []int64        // how many rows were looked at for each query; 0: all
	lost    error          // why the lists that the store has cannot be used
	open    *tx            // the transaction that it was taken in; nil where that has ended

	squared []float64 // lengths of the queries

	asking    sync.Mutex // guards what ranks documents by words: the next five
	tokenizer *words.Tokenizer
	index     *postings.Index // of words, as of segments; see wordIndex
	keep      int             // postings that it keeps
	segments  [][2]int64
	reading   *tx
	marks     map[string]*marks // what was found by texts
}

func (s *Store) snapshot(t *tx) (*snapshot, error) {
	v, err := openVectors(s.dir, t.state)
	if err != nil {
		return nil, err
	}
	return &snapshot{store: s, state: t.state, vectors: v, codes: s.openCodes(t)}, nil
}

// approximate prepares a search that need not find all. What conditions let through, and what
// words do with a filter, is found exactly, and so is what LangChain finds with one.
func (snap *snapshot) approximate(ctx context.Context, o engine.SearchOptions) error {
	conditional := slices.ContainsFunc(o.Conditions, func(c *words.Condition) bool { return c != nil })
	if o.Recall == 0 || o.Recall == 1 || conditional || o.Filter != nil && (o.ByText() || o.FetchK > 0) {
		return nil
	}
	return snap.read(ctx, func(t *tx) error {
		f, fits, err := snap.store.readLists(t, false)
		var damage *column.DamageError
		switch {
		case errors.As(err, &damage):
			snap.lost = damage
			return nil
		case err != nil || f == nil:
			return err
		case snap.codes == nil:
			snap.lost = errNoCodes
			return nil
		case !fits:
			snap.lost = errOtherRows
			return nil
		case snap.codes.Name() != snap.store.sidecarPath(codesKind, f.Codes) || f.Rows() > snap.codes.Rows():
			return nil // a writer is just putting others in their place
		}
		alive, err := snap.state.aliveBefore(f.Rows())
		if alive > 0 {
			snap.lists = &approximation{
				File: f, recall: o.Recall, metric: faiss.MetricFor(snap.state.facts.Metric == engine.L2),
				lost: float64(f.Documents) / float64(alive),
			}
			snap.looked = make([]int64, len(snap.squared))
		}
		return err
	})
}

// Close closes the files of the snapshot, which were only read.
func (snap *snapshot) Close() {
	snap.vectors.Close()
	if snap.codes != nil {
		snap.codes.Close()
	}
}

// read runs f in a transaction in which all documents of the snapshot are
// still there, or gives errChanged.
func (snap *snapshot) read(ctx context.Context, f func(*tx) error) error {
	if snap.open != nil {
		return f(snap.open)
	}
	return snap.store.view(ctx, func(t *tx) error {
		if t.generation != snap.state.generation {
			return errChanged
		}
		return f(t)
	})
}

// nearest finds the rows that answer each query. The threshold of scores holds
// for a first part of any answer, so it makes no difference that it is applied
// before a filter.
func (snap *snapshot) nearest(ctx context.Context, queries []float32, o engine.SearchOptions) (found [][]faiss.Hit, err error) {
	n, documents := max(len(o.Texts), len(queries)/snap.state.facts.Dim), int(snap.state.documents)
	o.K = min(o.K, documents)
	switch {
	case documents == 0:
		return make([][]faiss.Hit, n), nil
	case o.Filter == nil:
		found, err = snap.scan(ctx, queries, o, faiss.Search{K: o.K, Skip: snap.state.skip()})
	case o.FetchK > 0:
		found, _, err = snap.sifted(ctx, queries, o, o.FetchK)
	default:
		found, err = snap.filtered(ctx, queries, o, planFor(n, o.K, snap.state.rows))
	}
	if err == nil && o.ByText() {
		err = snap.rescore(ctx, queries, found, o)
	}
	for q := range found {
		found[q] = slices.DeleteFunc(found[q], func(hit faiss.Hit) bool {
			return !o.Relevant(o.Relevance(snap.state.facts.Metric, snap.state.unit, hit.Score, snap.squared[q]))
		})
	}
	return found, err
}

// pick leaves of what was found for each query the rows that o.Pick picks.
func (snap *snapshot) pick(ctx context.Context, queries []float32, found [][]faiss.Hit, o engine.SearchOptions) error {
	dim := snap.state.facts.Dim
	for q, nearest := range found {
		rows := make([]int64, len(nearest))
		for i, hit := range nearest {
			rows[i] = hit.Row
		}
		x := make([]float32, len(rows)*dim)
		if err := snap.vectors.flat.ReadRows(rows, x); err != nil {
			return err
		}
		picked, err := o.Pick(ctx, queries[q*dim:][:dim], slices.Collect(slices.Chunk(x, dim)))
		if err != nil {
			return err
		}
		found[q] = nil
		for _, i := range picked {
			found[q] = append(found[q], nearest[i])
		}
	}
	return nil
}

// scan searches all rows, and keeps the hits that o's threshold accepts.
func (snap *snapshot) scan(ctx context.Context, queries []float32, o engine.SearchOptions, s faiss.Search) ([][]faiss.Hit, error) {
	s.Threads = o.Threads
	if o.ByText() {
		return snap.scanText(ctx, queries, o, s)
	}
	found, err := snap.candidates(ctx, queries, 0, s)
	for q := range found {
		found[q] = slices.DeleteFunc(found[q], func(hit faiss.Hit) bool { return !o.Accepts(snap.state.facts.Metric, hit.Score) })
	}
	return found, err
}

// texts turns rows into hits, inside a transaction of the snapshot's generation.
func (snap *snapshot) texts(t *tx, rows [][]faiss.Hit, o engine.SearchOptions) ([][]engine.Hit, error) {
	hits := make([][]engine.Hit, len(rows))
	for q := range rows {
		numbers, err := snap.numbers(rows[q])
		if err != nil {
			return nil, err
		}
		docs, err := t.documents(numbers)
		if err != nil {
			return nil, err
		}
		if o.WithVectors && len(docs) > 0 {
			if err := snap.vectors.add(snap.state, numbers, docs); err != nil {
				return nil, err
			}
		}
		hits[q] = make([]engine.Hit, len(docs))
		for i, d := range docs {
			score := rows[q][i].Score
			hits[q][i] = engine.Hit{Document: d, Rank: i + 1, Score: score, Relevance: o.Relevance(snap.state.facts.Metric, snap.state.unit, score, snap.squared[q])}
		}
	}
	return hits, nil
}

// numbers gives the documents at rows.
func (snap *snapshot) numbers(rows []faiss.Hit) ([]int64, error) {
	numbers := make([]int64, len(rows))
	for i, hit := range rows {
		n, err := snap.state.document(hit.Row)
		if err != nil {
			return nil, damaged(snap.vectors.Name(), "row %d has no document", hit.Row)
		}
		numbers[i] = n
	}
	return numbers, nil
}
