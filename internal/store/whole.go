package store

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/sqlite"
)

// pageRows is how many rows are read in one transaction.
const pageRows = 256

// whole yields what read returns, page by page, until it reports that there is no
// more. All pages are of the state that the first one sees, whatever is written
// meanwhile, and no transaction is open while the caller works.
func whole[T any](ctx context.Context, s *Store, read func(*tx) (page []T, more bool, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var page []T
		var more bool
		var rest session
		err := s.view(ctx, func(t *tx) (err error) {
			if page, more, err = read(t); err == nil && more {
				rest, err = s.freeze(ctx, t)
			}
			return err
		})
		if rest != nil {
			defer rest.Close()
		}
		for {
			if err != nil {
				yield(*new(T), err)
				return
			}
			for _, item := range page {
				if !yield(item, nil) {
					return
				}
			}
			if !more {
				return
			}
			err = rest.view(ctx, func(t *tx) (err error) { page, more, err = read(t); return err })
		}
	}
}

// copyBytes is how much of a database is copied between two looks at the context.
const copyBytes = 64 << 20

// freeze returns a session for a copy of the database as t sees it: the lock of a
// transaction keeps writers from changing the file while it is copied, which takes
// far less time than a caller takes for a large store.
func (r *reader) freeze(ctx context.Context, t *tx) (session, error) {
	if r.frozen {
		return unclosed{r}, nil
	}
	from, err := os.Open(t.path)
	if err != nil {
		return nil, err
	}
	// SQLite's locks on a file go when any descriptor of this process is closed, so
	// the one that is read here must stay open as long as the connection.
	r.kept = append(r.kept, from)
	if info, err := from.Stat(); err != nil || !os.SameFile(info, r.db.file) {
		return nil, errors.Join(err, &engine.LockedError{Holder: "it has built the store anew"})
	}
	db, err := copyDatabase(ctx, from, r.db.patience)
	if err != nil {
		return nil, err
	}
	return &reader{db: db, frozen: true}, nil
}

// copyDatabase opens a copy of a database in the folder for temporary files. It has
// no name any more once SQLite has it open, before anything is copied, so that it
// goes with this process, however that ends.
func copyDatabase(ctx context.Context, from *os.File, patience time.Duration) (*database, error) {
	to, err := os.CreateTemp("", "sheaf-*.db")
	if err != nil {
		return nil, err
	}
	db := &database{path: to.Name(), patience: patience}
	err = errors.Join(db.connect(sqlite.ReadOnly, patience), os.Remove(to.Name()))
	if err == nil {
		err = copyFile(ctx, to, from)
	}
	if err = errors.Join(err, to.Close()); err == nil {
		err = db.run(ctx, beginRead, func(*tx) error { return nil })
	}
	if err != nil && db.conn != nil {
		err = errors.Join(err, db.conn.Close())
	}
	return db, err
}

// copyFile copies all of a file. The system does so by itself, or shares the blocks.
func copyFile(ctx context.Context, to, from *os.File) (err error) {
	for err == nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		_, err = io.CopyN(to, from, copyBytes)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// freeze returns the writer's own session: nobody else writes.
func (w *Writer) freeze(context.Context, *tx) (session, error) { return unclosed{w}, nil }

// unclosed is a session that somebody else closes.
type unclosed struct{ session }

func (unclosed) Close() error { return nil }
