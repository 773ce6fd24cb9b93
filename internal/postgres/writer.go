package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sheaf/internal/engine"
	"sheaf/internal/vector"
)

// Writer changes a store that no other process can change. What it stages goes to a
// transaction at once, which Commit ends: PostgreSQL shows it to others then, and takes it
// back when the session ends before. The methods of Store answer from what is committed.
type Writer struct {
	*Store
	tx       *conn // the session of the lock
	begun    bool  // it is in a transaction
	new      bool  // the store was made by this writer and nothing was committed since
	failure  error // of a statement: nothing more can be done
	progress func(n int)

	ids     engine.FreeIDs
	rows    rows    // that are not sent yet
	copying copying // those that are on their way
	next    int64   // number of the next document
	source  int64   // number of the next new source
	open    map[*replacement]struct{}
	ended   []change // what happened to sources and is not in the transaction yet
	pending int64
	changes bool // documents went or changed since the last commit
	unit    bool
	longest float64
	words   *finder // nil where the store keeps no words
	tokens  int64   // of documents that came since the last commit, less those of documents that went
}

// change is what is to be done in the transaction; its statements are sent together.
type change interface{ write(b *batch) }

// Create makes a store. It is there for others at once, and Discard removes it.
func Create(ctx context.Context, url string, f engine.Facts, o engine.Options) (*Writer, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	return openWriter(ctx, url, o, func(c *conn) error {
		v, err := c.begin(ctx)
		switch {
		case err == nil:
			_, err = v.script(ctx, `COMMIT`)
			return errors.Join(fmt.Errorf("creating store %q: %w", url, engine.ErrExist), err)
		case !errors.Is(err, engine.ErrNotExist):
			return err
		}
		return c.create(ctx, f, o)
	})
}

// OpenWriter opens a store for writing.
func OpenWriter(ctx context.Context, url string, o engine.Options) (*Writer, error) {
	return openWriter(ctx, url, o, nil)
}

// openWriter takes the lock, calls create where it is given, and opens the store.
func openWriter(ctx context.Context, url string, o engine.Options, create func(*conn) error) (_ *Writer, err error) {
	p, err := parse(url)
	if err != nil {
		return nil, err
	}
	w := &Writer{
		Store: &Store{pool: newPool(p)}, new: create != nil, open: map[*replacement]struct{}{}, unit: true, progress: o.Progress,
	}
	if w.progress == nil {
		w.progress = func(int) {}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	if w.tx, err = w.take(ctx); err != nil {
		return nil, err
	}
	if create == nil { // a lock is of a store that is there
		if err = w.view(ctx, func(*view) error { return nil }); err != nil {
			return nil, err
		}
	}
	if err = w.tx.lock(ctx, o.LockTimeout); err != nil {
		return nil, err
	}
	if create != nil {
		if err = create(w.tx); err != nil {
			return nil, err
		}
	}
	left := false
	err = w.view(ctx, func(v *view) error {
		w.state, w.next = v.state, v.state.next
		for r, err := range v.query(ctx, `SELECT (SELECT COALESCE(max(source), 0) FROM {sources}), EXISTS (SELECT FROM {documents} WHERE n >= $1)`, w.next) {
			if err != nil {
				return err
			}
			w.source, left = r.int(0)+1, r.bool(1)
		}
		return nil
	})
	if err == nil && left { // by a commit that only another server has finished
		err = w.do(ctx, func(c *conn) error { return c.exec(ctx, `DELETE FROM {documents} WHERE n >= $1`, w.next) })
	}
	if err == nil && !w.state.NoWords {
		w.words = new(finder)
		err = w.indexWords(ctx, o.Indexing)
	}
	return w, err
}

// Close ends the sessions. What was not committed is gone.
func (w *Writer) Close() error {
	_ = w.copying.wait() // it was not to be committed
	if w.tx != nil {
		w.tx.unlock()
		w.tx.drop()
	}
	return w.Store.Close()
}

// Discard closes the store, and removes it where this writer made it and nothing was
// committed since.
func (w *Writer) Discard() error {
	var err error
	if w.new && w.failure == nil {
		ctx, stop := context.WithTimeout(context.Background(), goodbye)
		defer stop()
		_, err = w.tx.script(ctx, `ROLLBACK; DROP TABLE {documents}, {sources}, {facts}`)
	}
	return errors.Join(err, w.Close())
}

// goodbye is how long the end of a session may take.
const goodbye = 5 * time.Second

// Failed reports whether a statement failed, after which only Close may follow.
func (w *Writer) Failed() bool { return w.failure != nil }

// Pending is how many documents wait for the next commit.
func (w *Writer) Pending() int64 { return w.pending }

// do runs f in the transaction of the next commit, after what is on its way there.
func (w *Writer) do(ctx context.Context, f func(*conn) error) (err error) {
	if w.failure != nil {
		return w.failure
	}
	if err = w.copying.wait(); err != nil {
		w.failure = err
		return err
	}
	if !w.begun {
		_, err = w.tx.script(ctx, `BEGIN ISOLATION LEVEL READ COMMITTED`)
		w.begun = err == nil
	}
	if err == nil {
		err = f(w.tx)
	}
	w.failure = err
	return err
}

// flush sends what was staged to the transaction.
func (w *Writer) flush(ctx context.Context) error {
	if w.rows.n == 0 && len(w.ended) == 0 {
		return nil
	}
	return w.do(ctx, func(c *conn) error {
		if w.rows.n > 0 {
			if err := w.rows.send(ctx, c, copyDocuments); err != nil {
				return err
			}
		}
		b := &batch{conn: c}
		for _, e := range w.ended {
			e.write(b)
		}
		w.ended = nil
		return w.send(ctx, b)
	})
}

// batch is statements that are sent together.
type batch struct {
	*conn
	pgconn.Batch
	n int
}

func (b *batch) add(sql string, args ...any) {
	values, formats := encode(args)
	b.ExecParams(b.pool.names.Replace(sql), values, nil, formats, binaryFormat)
	b.n++
}

// remove deletes documents for which a condition holds. The answer is how many tokens they
// have.
func (b *batch) remove(where string, args ...any) {
	b.add(`WITH gone AS (DELETE FROM {documents} WHERE `+where+` RETURNING length) SELECT COALESCE(sum(length), 0) FROM gone`, args...)
}

// send sends the statements of a batch, and notes the tokens that it removed.
func (w *Writer) send(ctx context.Context, b *batch) error {
	if b.n == 0 {
		return nil
	}
	answers, err := b.ExecBatch(ctx, &b.Batch).ReadAll()
	if err != nil {
		return b.pool.place.failed(ctx, err)
	}
	for _, answer := range answers {
		for _, r := range answer.Rows {
			w.tokens -= row(r).int(0)
		}
	}
	return nil
}

// updateFacts is the last statement of each commit. Sources know how many documents they
// have.
const updateFacts = `UPDATE {facts} SET updated = $1, unit = unit AND $2, longest = GREATEST(longest, $3), next = $4, tokens = tokens + $6,
  generation = generation + CASE WHEN $5 THEN 1 ELSE 0 END, documents = (SELECT COALESCE(sum(documents), 0) FROM {sources})`

// Commit makes visible what was staged: all of it or, on an error, nothing.
func (w *Writer) Commit(ctx context.Context) error {
	for r := range w.open {
		r.show()
	}
	if err := w.flush(ctx); err != nil || !w.begun {
		return err
	}
	err := w.do(ctx, func(c *conn) error {
		if err := c.exec(ctx, updateFacts, time.Now().UnixNano(), w.unit, w.longest, w.next, w.changes, w.tokens); err != nil {
			return err
		}
		_, err := c.script(ctx, `COMMIT`)
		return err
	})
	if err != nil {
		return err
	}
	w.begun, w.new, w.changes, w.pending, w.tokens = false, false, false, 0, 0
	w.ids.Next()
	for r := range w.open {
		r.since = w.next
	}
	return nil
}

// SetSettings keeps settings for the sources to come, at once.
func (w *Writer) SetSettings(ctx context.Context, settings string) error {
	c, err := w.take(ctx)
	if err != nil {
		return err
	}
	defer w.give(c)
	if err = c.exec(ctx, `UPDATE {facts} SET settings = $1`, settings); err == nil {
		w.state.settings = settings
	}
	return err
}

// Bind sets the embedder of a store that has none, for good.
func (w *Writer) Bind(ctx context.Context, embedder, fingerprint string) error {
	if w.state.Embedder != "" {
		return w.state.Check(engine.Facts{Embedder: embedder, Fingerprint: fingerprint})
	}
	err := w.do(ctx, func(c *conn) error {
		return c.exec(ctx, `UPDATE {facts} SET embedder = $1, fingerprint = $2`, embedder, fingerprint)
	})
	if err == nil {
		err = w.Commit(ctx)
	}
	if err == nil {
		w.state.Embedder, w.state.Fingerprint = embedder, fingerprint
	}
	return err
}

// Compact says that there is nothing to be done.
func (w *Writer) Compact(context.Context) (engine.Compacted, error) {
	return engine.Compacted{}, &engine.UnsupportedError{
		Problem: "a table needs no compact: PostgreSQL frees the room of deleted documents by itself",
		Remedy:  "VACUUM FULL gives it back to the system, while nobody reads or writes the table",
	}
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
func (w *Writer) VectorOf(ctx context.Context, text string) (x []float32, err error) {
	if err := w.flush(ctx); err != nil {
		return nil, err
	}
	err = w.do(ctx, func(c *conn) error {
		const query = `SELECT vector FROM {documents} WHERE text_hash = $1 AND origin = 1 AND text = $2 ORDER BY n LIMIT 1`
		for r, err := range c.query(ctx, query, textHash(text), text) {
			if err != nil {
				return err
			}
			x = r.vector(0, nil)
		}
		return nil
	})
	return x, err
}

// add stages a document with its vector as the store keeps it.
func (w *Writer) add(ctx context.Context, source int64, d *engine.Document, x []float32, origin engine.Origin) error {
	if w.next > maxNumber {
		return errFull
	}
	terms := w.words.of(d.Text)
	w.rows.add(w.next, source, d, x, origin, terms)
	w.tokens += int64(lengthOf(terms))
	w.ids.Add(d.ID)
	w.next++
	w.pending++
	w.unit = w.unit && engine.IsUnit(x, len(x))
	w.longest = max(w.longest, vector.Length(x))
	if w.rows.buf.Len() < copyBytes {
		return nil
	}
	return w.do(ctx, func(c *conn) error {
		w.copying.start(ctx, c, &w.rows)
		return nil
	})
}

// maxNumber is the last number of a document: selections are bitmaps of 32 bits.
const maxNumber = 1<<32 - 1

var errFull = errors.New("the store is full: it has had 2^32 documents")

// holder returns the number and the source of the document that has an id and is not going
// away with the next commit, as far as it is known; -1 for none.
func (w *Writer) holder(ctx context.Context, id string) (n, source int64, err error) {
	n = -1
	if w.ids.Has(id) {
		return n, 0, nil
	}
	if err := w.flush(ctx); err != nil {
		return n, 0, err
	}
	err = w.do(ctx, func(c *conn) error {
		for r, err := range c.query(ctx, `SELECT n, source FROM {documents} WHERE id = $1 ORDER BY n DESC LIMIT 1`, id) {
			if err != nil {
				return err
			}
			n, source = r.int(0), r.int(1)
		}
		return nil
	})
	return n, source, err
}
