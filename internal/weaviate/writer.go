package weaviate

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/crash"
	"sheaf/internal/engine"
	"sheaf/internal/vector"
	"sheaf/internal/words"
)

// Writer changes a store that no other process can change. Documents go to the servers as they
// are added, and are of the store once Commit has written a state that tells of them. The
// methods of Store answer from what is committed.
type Writer struct {
	*Store
	lease    lease         // its lock
	done     chan struct{} // closed when the lock need not be renewed any more
	renewed  <-chan error  // of the goroutine that renews it
	base     atomic.Pointer[committed]
	past     *view // what was committed before the first deletion; nil: there was none
	new      bool  // the store was made by this writer and nothing was committed since
	failure  error // of a write: nothing more can be done
	progress func(n int)

	draft    map[int64]*source // what the next commit makes of the sources
	dirty    map[int64]bool    // pages of sources that it changes
	settings string
	facts    engine.Facts
	next     uint32 // number of the next document
	source   int64  // number of the next new source
	unit     bool
	longest  float64
	moved    []placed
	open     map[*replacement]struct{}
	ids      engine.FreeIDs
	words    indexing
	rows     []outgoing   // that are not sent yet
	size     int          // their bytes
	sending  <-chan error // those that are on their way; nil: none are
	pending  int64
}

// committed is a state with all its sources, which nobody changes.
type committed struct {
	*state
	sources *catalog
}

// Create makes a store. It is there for others at once, and Discard removes it.
func Create(ctx context.Context, url string, f engine.Facts, o engine.Options) (*Writer, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	return openWriter(ctx, url, o, false, func(c *client) (*state, error) {
		switch _, err := c.readState(ctx); {
		case err == nil:
			return nil, fmt.Errorf("creating store %q: %w", url, engine.ErrExist)
		case !errors.Is(err, engine.ErrNotExist):
			return nil, err
		}
		if err := c.create(ctx, f, o.Partitions); err != nil {
			return nil, err
		}
		return c.first(ctx, f)
	})
}

// first is the first state of a store.
func (c *client) first(ctx context.Context, f engine.Facts) (*state, error) {
	documents, err := c.class(ctx, c.place.documents())
	if err != nil {
		return nil, err
	}
	if documents == nil || documents.Sharding == nil || documents.Replication == nil {
		return nil, c.place.damaged("the server does not describe the collection that was made")
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // it never fails
	now := time.Now()
	s := &state{
		Format: formatVersion, ID: hex.EncodeToString(id[:]), Created: now, Updated: now, Facts: f, Unit: true,
		Words: words.Version, Next: firstNumber, NextSource: firstNumber, Documents: numbers{roaring.New()}, Dead: numbers{roaring.New()},
		Shards: documents.Sharding.Desired, Replicas: documents.Replication.Factor, NextVersion: 1,
	}
	return s, c.mark(ctx, s.Shards)
}

// OpenWriter opens a store for writing.
func OpenWriter(ctx context.Context, url string, o engine.Options) (*Writer, error) {
	return openWriter(ctx, url, o, false, nil)
}

// openWriter takes the lock, calls create where it is given, and opens the store: where it is
// to be mended, also one of which replicas have lost what they had.
func openWriter(ctx context.Context, url string, o engine.Options, mending bool, create func(*client) (*state, error)) (_ *Writer, err error) {
	p, err := parse(url)
	if err != nil {
		return nil, err
	}
	w := &Writer{
		Store: &Store{client: newClient(p)}, done: make(chan struct{}), new: create != nil, open: map[*replacement]struct{}{}, progress: o.Progress,
	}
	w.mending = mending
	if w.progress == nil {
		w.progress = func(int) {}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	if create == nil { // a lock is of a store that is there
		if _, err = w.readState(ctx); err != nil {
			return nil, err
		}
		create = func(c *client) (*state, error) { return c.readState(ctx) }
	}
	if w.lease, err = w.lock(ctx, o.LockTimeout); err != nil {
		return nil, err
	}
	held := w.lease
	w.renewed = crash.Go(func() error { w.renewUntil(w.done, held); return nil })
	s, err := create(w.client)
	if err != nil {
		return nil, err
	}
	if err = w.take(ctx, s); err == nil && !w.facts.NoWords && w.base.Load().Words != words.Version {
		if err = w.reindex(ctx, o.Indexing); err == nil {
			err = w.Commit(ctx)
		}
	}
	return w, err
}

// gap is how many numbers are left out after a writer that did not close the store: what it
// had sent may still arrive. So no writer sends documents with numbers that far from those
// that the state tells: see reserve.
const gap = 1 << 16

// take begins the epoch of this writer with a state.
func (w *Writer) take(ctx context.Context, s *state) error {
	if err := w.sound(ctx, s, s.Replicas); err != nil {
		return err
	}
	v := view{client: w.client, state: s}
	if _, err := v.sources(ctx); err != nil {
		return err
	}
	if s.Writer != "" {
		next := uint32(min(uint64(s.Next)+gap, maxNumber+1))
		s.Dead.Or(span(s.Next, next))
		s.Next = next
		if err := w.tidy(ctx, s); err != nil {
			return err
		}
	}
	s.Writer, w.lease.stays = w.lease.token, true
	if err := w.beginEpoch(ctx, w.lease.epoch, s); err != nil {
		return err
	}
	w.lease.stays = false
	if err := w.own(ctx, w.lease); err != nil {
		return err
	}
	w.show(s, v.known.byNumber)
	w.committed = w.asCommitted
	if w.new {
		return w.declareBegun(ctx)
	}
	return nil
}

// show makes a state the one that is committed, and the beginning of the next one.
func (w *Writer) show(s *state, all map[int64]*source) {
	w.base.Store(&committed{s, newCatalog(all)})
	w.reset()
}

// reset makes the draft what is committed. Numbers are not used again.
func (w *Writer) reset() {
	base := w.base.Load()
	w.draft, w.dirty, w.moved = maps.Clone(base.sources.byNumber), map[int64]bool{}, nil
	if w.draft == nil {
		w.draft = map[int64]*source{}
	}
	w.words = indexing{segments: slices.Clone(base.Segments)}
	w.facts, w.settings, w.unit, w.longest = base.Facts, base.Settings, base.Unit, base.Longest
	w.next, w.source, w.pending = max(w.next, base.Next), max(w.source, base.NextSource), 0
}

// asCommitted is the view of what is committed.
func (w *Writer) asCommitted() view {
	base := w.base.Load()
	return view{client: w.client, state: base.state, known: sources{byNumber: base.sources.byNumber, all: base.sources}}
}

// Close takes what is not of the store from the servers and gives the lock back.
func (w *Writer) Close() error {
	if w.lease.token == "" {
		return w.Store.Close()
	}
	ctx, stop := context.WithTimeout(context.Background(), goodbye)
	defer stop()
	var err error
	if w.wait() == nil && w.base.Load() != nil { // a failure was told already
		err = w.leave(ctx)
	}
	close(w.done)
	if w.renewed != nil {
		err = errors.Join(err, <-w.renewed)
	}
	err = errors.Join(err, w.unlock(ctx, w.lease))
	w.lease = lease{}
	return errors.Join(err, w.Store.Close())
}

// leave removes the dead from the servers, and writes the state of a store that has no writer.
// What is dead in a commit is dead in all that follow it.
func (w *Writer) leave(ctx context.Context) error {
	if err := w.own(ctx, w.lease); err != nil {
		return err
	}
	s := *w.base.Load().state
	s.Dead = numbers{roaring.Or(s.Dead.Bitmap, span(s.Next, w.next))}
	s.Next, s.Writer = w.next, ""
	cleaning, stop := context.WithTimeout(ctx, goodbye/2) // the other half is for what follows
	defer stop()
	w.clean(cleaning, &s)
	return w.turn(ctx, &s)
}

// clean removes what is dead or stale, as far as it comes, from the servers and from a state. The next
// writer goes on.
func (w *Writer) clean(ctx context.Context, s *state) {
	failed := false
	left := func(version uint32, documents *roaring.Bitmap) *roaring.Bitmap {
		still := documents.Clone()
		for page := range chunks(documents, maxRows/2) {
			ids := make([]string, len(page))
			for i, n := range page {
				ids[i] = idOf(n, version)
			}
			if failed = failed || w.remove(ctx, w.place.documents(), ids) != nil; failed {
				break
			}
			still.AndNot(roaring.BitmapOf(page...))
		}
		return still
	}
	stale := s.Stale
	s.Dead, s.Stale = numbers{left(0, s.Dead.Bitmap)}, nil
	for _, one := range stale {
		s.Stale = s.Stale.with(one.Version, left(one.Version, one.Numbers.Bitmap))
	}
}

// Discard closes the store, and removes it where this writer made it and nothing was
// committed since.
func (w *Writer) Discard() error {
	var err error
	if w.new && w.failure == nil {
		ctx, stop := context.WithTimeout(context.Background(), goodbye)
		defer stop()
		w.failure = errors.Join(w.wait(), errDiscarded)
		if err = w.own(ctx, w.lease); err == nil {
			err = w.destroy(ctx)
		}
	}
	return errors.Join(err, w.Close())
}

var errDiscarded = errors.New("the store was discarded")

// Failed reports whether a write failed, after which only Close may follow.
func (w *Writer) Failed() bool { return w.failure != nil }

// Pending is how many documents wait for the next commit.
func (w *Writer) Pending() int64 { return w.pending }

// sendBytes and sendRows are how much is sent at once.
const (
	sendBytes = 4 << 20
	sendRows  = 1000
)

// add stages a document with its vector as the store keeps it, and returns its number.
func (w *Writer) add(ctx context.Context, source int64, d *engine.Document, x []float32, origin engine.Origin) (uint32, error) {
	if w.next > maxNumber {
		return 0, errFull
	}
	n := w.next
	w.next++
	b := w.object(n, 0, source, d, x, origin)
	if err := w.addWords(ctx, n, d.Text); err != nil {
		return 0, err
	}
	w.rows = append(w.rows, b)
	w.size += len(b.object)
	w.ids.Add(d.ID)
	w.pending++
	w.unit = w.unit && engine.IsUnit(x, len(x))
	w.longest = max(w.longest, vector.Length(x))
	if w.size < sendBytes && len(w.rows) < sendRows {
		return n, nil
	}
	return n, w.start(ctx)
}

// outgoing is a document as the server keeps it, on its way there.
type outgoing struct {
	id     string
	object message
}

func (w *Writer) object(n, version uint32, source int64, d *engine.Document, x []float32, origin engine.Origin) outgoing {
	p := properties{
		ID: d.ID, Text: d.Text, Metadata: d.Metadata.String(), Source: source, Hash: textHash(d.Text),
		Place: docPlace{d.StartIndex, d.StartLine, d.EndLine, origin}.String(),
	}
	id := idOf(n, version)
	return outgoing{id, p.object(w.place.documents(), id, x)}
}

// maxNumber is the last number of a document: selections are bitmaps of 32 bits.
const maxNumber = 1<<32 - 2

var errFull = errors.New("the store is full: it has had 2^32 documents")

// start sends the rows in the background, once those before them have arrived.
func (w *Writer) start(ctx context.Context) error {
	if err := w.wait(); err != nil {
		return err
	}
	if err := w.reserve(ctx); err != nil {
		return err
	}
	rows, base := w.rows, w.base.Load()
	w.rows, w.size = nil, 0
	w.sending = crash.Go(func() error {
		if err := w.putDocuments(ctx, rows, base.state); err != nil {
			return err
		}
		return w.everywhere(ctx, base.state)
	})
	return nil
}

// reserve writes a state of the same documents that tells that the numbers given so far are
// taken, before one is sent that the next writer would use if this one were killed.
func (w *Writer) reserve(ctx context.Context) error {
	base := w.base.Load()
	if w.next-base.Next <= gap {
		return nil
	}
	s := *base.state
	s.Next, s.Dead = w.next, numbers{roaring.Or(base.Dead.Bitmap, span(base.Next, w.next))}
	return w.restate(ctx, &s)
}

// restate writes a state of the documents that are committed.
func (w *Writer) restate(ctx context.Context, s *state) error {
	if err := w.turn(ctx, s); err != nil {
		w.failure = err
		return err
	}
	w.base.Store(&committed{s, w.base.Load().sources})
	return nil
}

// everywhere fails unless all replicas answer, so that what was written before is on all. A
// server that does not answer for some seconds is not waited for, or told of, by the others.
func (w *Writer) everywhere(ctx context.Context, s *state) error {
	if s.Replicas == 1 { // it is told of
		return nil
	}
	return w.whole(ctx, s.Shards, s.Replicas)
}

// wait waits for what is on its way.
func (w *Writer) wait() error {
	if w.sending != nil {
		err := <-w.sending
		w.sending = nil
		if w.failure == nil {
			w.failure = err
		}
	}
	return w.failure
}

// flush sends what was staged, and waits until it has arrived.
func (w *Writer) flush(ctx context.Context) error {
	if len(w.rows) > 0 {
		if err := w.start(ctx); err != nil {
			return err
		}
	}
	return w.wait()
}

// SetSettings keeps settings for the sources to come, at once.
func (w *Writer) SetSettings(ctx context.Context, settings string) error {
	s := *w.base.Load().state
	s.Settings = settings
	err := w.restate(ctx, &s)
	if err == nil {
		w.settings = settings
	}
	return err
}

// Bind sets the embedder of a store that has none, for good.
func (w *Writer) Bind(ctx context.Context, embedder, fingerprint string) error {
	if w.facts.Embedder != "" {
		return w.facts.Check(engine.Facts{Embedder: embedder, Fingerprint: fingerprint})
	}
	w.facts.Embedder, w.facts.Fingerprint = embedder, fingerprint
	return w.Commit(ctx)
}

// Compact says that there is nothing to be done.
func (w *Writer) Compact(context.Context) (engine.Compacted, error) {
	return engine.Compacted{}, &engine.UnsupportedError{Problem: "a collection needs no compact: whoever writes takes deleted documents from the servers"}
}

// Match is Store's, and remembers which ids are free.
func (w *Writer) Match(ctx context.Context, src engine.Source, docs []engine.Document) ([]engine.Match, error) {
	turn := w.ids.Now()
	matches, free, err := w.match(ctx, src, docs)
	w.ids.Learn(turn, free)
	return matches, err
}

// VectorOf returns the vector that the store's embedder made of a whole text, staged or
// committed; nil where there is none.
func (w *Writer) VectorOf(ctx context.Context, text string) ([]float32, error) {
	if err := w.flush(ctx); err != nil {
		return nil, err
	}
	base := w.base.Load()
	for r, err := range w.having(ctx, "hash", []string{textHash(text)}, "text source place "+fieldVector) {
		if err != nil {
			return nil, err
		}
		if r.Text == text && r.Origin == engine.Embedded && base.current(r) && w.has(r) {
			return r.vector, nil
		}
	}
	return nil, nil
}

// lookUp is client's. What neither is a document, committed or staged, nor was one has no number.
func (w *Writer) lookUp(ctx context.Context, property string, values []string, fields string) ([]row, error) {
	rows, err := w.client.lookUp(ctx, property, values, fields)
	w.base.Load().sift(rows)
	return rows, err
}
