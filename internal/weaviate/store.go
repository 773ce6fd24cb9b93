// Package weaviate keeps stores in collections of a Weaviate cluster. It answers as the
// folder of package store does, bit by bit: the server compares a query with all vectors and
// gives candidates, and their scores are computed here by the kernels of package faiss. The
// order among them is proved, see search.go.
//
// Weaviate has no transactions. A store makes its own, as file systems with shadow pages do:
// a document is written once, under a number that none had before, and so are the pages that
// hold sources (state.go). A commit writes one object last, the state, which tells the numbers of
// the documents that there are and the ids of the pages. What it does not tell is not part of the
// store, whatever a killed writer, or a replica that was away, leaves on the servers. A
// document whose text stays and whose lines or metadata change is written anew, as another
// version under its number (versions.go).
//
// Who reads knows by the state what has to be there, and fails rather than answer with less.
// A commit is on all replicas, so that any one of them can answer. One writer at a time has a
// collection that is a lock (lock.go).
//
// Documents, and all else of which there is much, are asked for and written by gRPC (grpc.go); the schema, single
// objects and deletions go by REST, which alone can say of how many replicas an object is read and when one
// was deleted.
package weaviate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"sheaf/internal/engine"
)

// Store answers from a store. It may be used by many goroutines.
type Store struct {
	*client
	opened  *state
	partial bool // answers may be of the documents within reach
	notice  func(string)
	// committed, of a writer, is the state that it committed last with all sources.
	committed func() view
}

// Open opens the store that a URL names.
func Open(ctx context.Context, url string, o engine.Options) (*Store, error) {
	p, err := parse(url)
	if err != nil {
		return nil, err
	}
	s := &Store{client: newClient(p), partial: o.Partial, notice: o.Notice}
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

// fixed is the store as a view has it.
func (s *Store) fixed(v view) *Store {
	fixed := *s
	fixed.committed = func() view { return v }
	return &fixed
}

// view runs f with the store as it is now, again where a writer came between, which a search may
// take for a server that compares too few vectors. All shards have
// to be there and to be sound before and after: see replicas.go. A partial answer is of those within reach.
func (s *Store) view(ctx context.Context, f func(*view) error) (err error) {
	for range tries {
		var v view
		if v, err = s.now(ctx); err != nil {
			return err
		}
		switch {
		case s.partial:
			err = s.shrink(ctx, &v)
		case !s.justSound():
			err = v.sound(ctx, v.state, 1)
		}
		if err != nil {
			return err
		}
		if err = f(&v); err != nil && !errors.Is(err, errChanged) && !errors.Is(err, errUncompared) {
			return err
		}
		if !s.partial {
			if missing := v.sound(ctx, v.state, 1); missing != nil {
				return missing
			}
		}
		if err == nil {
			return nil
		}
	}
	return s.place.unsettled(err)
}

// unsettled is the error of an answer that was begun as often as it may be.
func (p *place) unsettled(err error) error {
	if errors.Is(err, errUncompared) {
		return &engine.FormatError{Path: p.url, Problem: errUncompared.Error(), Remedy: remedyRepair + " mends that"}
	}
	return &engine.UnavailableError{Store: p.url, Err: err}
}

// shrink leaves the documents in a view that are within reach.
func (s *Store) shrink(ctx context.Context, v *view) error {
	within, err := v.reachable(ctx)
	if err != nil {
		return err
	}
	all := v.count()
	part := *v.state
	part.Documents = within
	v.state = &part
	if v.count() < all && s.notice != nil && !s.told.Swap(true) {
		s.notice(fmt.Sprintf("partial: of %d documents %d are within reach", all, v.count()))
	}
	return nil
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
		var late error // that came when something was yielded, so that nothing can begin again
		err := s.view(ctx, func(v *view) error {
			err := f(v, once)
			if begun && errors.Is(err, errChanged) {
				late = s.place.unsettled(err)
				return errStop
			}
			return err
		})
		if errors.Is(err, errStop) {
			err = late
		}
		if err != nil {
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
			IndexType: "weaviate", IndexFile: s.place.documents(), Partitions: int64(v.Shards), Weaker: v.weaker(),
			CreatedAt: v.Created, UpdatedAt: v.Updated,
		}
		return err
	})
	return info, err
}

// weaker is what can be relied on less than in a folder.
func (s *state) weaker() []string {
	all := []string{
		"a server whose machine loses power may lose what it wrote last: commits are safe from the end of sheaf and of servers",
		"an export or a merge from here ends with exit code 75 where a writer removes documents meanwhile",
	}
	if s.Replicas == 1 {
		return append(all, "each document is on one server: without it nothing answers, and its disk is the only copy")
	}
	return append(all, fmt.Sprintf("writing needs all %d replicas, reading most of them", s.Replicas))
}

// count is how many documents there are.
func (s *state) count() int64 { return int64(s.Documents.GetCardinality()) }

// goodbye is how long the end of a writer may take.
const goodbye = 30 * time.Second
