// Package weaviate keeps stores in collections of a Weaviate cluster. It answers as the
// folder of package store does, bit by bit: the server compares a query with all vectors and
// gives candidates, and their scores are computed here by the kernels of package faiss. The
// order among them is proved, see search.go.
//
// Weaviate has no transactions. A store makes its own, as file systems with shadow pages do:
// a document is written once, under a number that none had before, and so are the pages that
// hold sources (state.go). A commit writes one object last, the state, which tells the numbers of
// the documents that there are and the ids of the pages. What it does not tell is not part of the
// store, whatever a killed writer, or a replica that was away, leaves on the servers. Only
// the lines and the metadata of a document whose text stays are changed in place.
//
// Who reads knows by the state what has to be there, and fails rather than answer with less.
// A commit is on all replicas, so that any one of them can answer. One writer at a time has a
// collection that is a lock (lock.go).
//
// It speaks REST and GraphQL: the initialisation of gRPC would be paid by every command.
package weaviate

import (
	"context"
	"errors"
	"iter"
	"time"

	"sheaf/internal/engine"
)

// Store answers from a store. It may be used by many goroutines.
type Store struct {
	*client
	opened *state
	// committed, of a writer, is the state that it committed last with all sources.
	committed func() view
}

// Open opens the store that a URL names.
func Open(ctx context.Context, url string, _ engine.Options) (*Store, error) {
	p, err := parse(url)
	if err != nil {
		return nil, err
	}
	s := &Store{client: newClient(p)}
	if s.opened, err = s.readState(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// Close ends the connections of the store.
func (s *Store) Close() error {
	s.close()
	return nil
}

// errChanged says that what a state names is not there any more, because a writer has
// cleaned up after a later one.
var errChanged = errors.New("documents went away while they were read: run the same command again; where that does not help, sheaf check tells what is missing")

// tries is how often an answer is begun.
const tries = 3

// now is the store as it is now.
func (s *Store) now(ctx context.Context) (view, error) {
	if s.committed != nil {
		return s.committed(), nil
	}
	state, err := s.readState(ctx)
	return view{client: s.client, state: state}, err
}

// view runs f with the store as it is now, again where a writer came between, which a search may
// take for a server that compares too few vectors. All shards have
// to be there before and after: the server does not tell when it answers without some, and to start one
// takes longer than f.
func (s *Store) view(ctx context.Context, f func(*view) error) (err error) {
	for range tries {
		var v view
		if v, err = s.now(ctx); err != nil {
			return err
		}
		if err = v.whole(ctx, v.Shards, 1); err != nil {
			return err
		}
		if err = f(&v); err != nil && !errors.Is(err, errChanged) && !errors.Is(err, errUncompared) {
			return err
		}
		if missing := v.whole(ctx, v.Shards, 1); missing != nil || err == nil {
			return missing
		}
	}
	return err
}

// errStop ends a view of which a caller needs no more.
var errStop = errors.New("stopped")

// stream yields what f does in a view of its own. f returns errStop after yield returned
// false.
func stream[T any](ctx context.Context, s *Store, f func(v *view, yield func(T, error) bool) error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		begun := false
		once := func(x T, err error) bool {
			begun = true
			return yield(x, err)
		}
		err := s.view(ctx, func(v *view) error {
			err := f(v, once)
			if begun && errors.Is(err, errChanged) { // not to be begun again
				return &engine.UnavailableError{Store: s.place.url, Err: errChanged}
			}
			return err
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(*new(T), err)
		}
	}
}

// Facts are those of the store.
func (s *Store) Facts() engine.Facts { return s.first().Facts }

// Settings are those that SetSettings kept.
func (s *Store) Settings() string { return s.first().Settings }

func (s *Store) first() *state {
	if s.committed != nil {
		return s.committed().state
	}
	return s.opened
}

// Info tells what the store holds.
func (s *Store) Info(ctx context.Context) (info engine.Info, err error) {
	err = s.view(ctx, func(v *view) error {
		all, err := v.sources(ctx)
		info = engine.Info{
			Facts: v.Facts, ID: v.ID, Generation: v.Generation, FormatVersion: v.Format, Normalized: v.Unit,
			Documents: v.count(), Sources: int64(len(all)), DeadRows: int64(v.Dead.GetCardinality()),
			IndexType: "weaviate", IndexFile: s.place.documents(), Partitions: int64(v.Shards),
			CreatedAt: v.Created, UpdatedAt: v.Updated,
		}
		return err
	})
	return info, err
}

// count is how many documents there are.
func (s *state) count() int64 { return int64(s.Documents.GetCardinality()) }

// goodbye is how long the end of a writer may take.
const goodbye = 30 * time.Second
