package store

import (
	"context"
	"errors"

	"zombiezen.com/go/sqlite/sqlitex"
)

// hold opens a writing transaction for all that the writer does until letGo.
// Readers do not mind: they wait for its end only, as with a short one.
func (w *Writer) hold(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.held:
		return nil
	case w.conn == nil:
		return ErrClosed
	case w.poisoned != nil:
		return w.poisoned
	}
	err := sqlitex.Execute(w.conn, "BEGIN IMMEDIATE", nil)
	w.held = err == nil
	return w.explain(ctx, err)
}

// letGo ends what hold began.
func (w *Writer) letGo() error { return w.endHold("COMMIT") }

func (w *Writer) endHold(how string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.held {
		return nil
	}
	w.held = false
	if w.conn.AutocommitEnabled() {
		return nil // an error ended it, and has poisoned the writer
	}
	err := sqlitex.Execute(w.conn, how, nil)
	if err != nil {
		w.uncertain = w.uncertain || w.conn.AutocommitEnabled()
		err = w.explain(context.Background(), err)
		w.poisoned = err
	}
	if !w.conn.AutocommitEnabled() {
		err = errors.Join(err, sqlitex.Execute(w.conn, "ROLLBACK", nil))
	}
	return err
}
