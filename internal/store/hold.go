package store

import (
	"context"
	"errors"
)

// What a transaction stages at most. Each one writes much of the indexes anew, so
// few large ones take less time than many small ones. But its pages must stay in
// memory: in a large store a document changes two that no other one does, in the
// indexes by id and by text, 8 kB in all.
const (
	holdDocuments = 5000
	holdBytes     = 32 << 20
)

// writeBuffer writes what is in the buffer, in the transaction that is open for
// it, and ends that one when it has become large.
func (w *Writer) writeBuffer(ctx context.Context) error {
	if err := w.hold(ctx); err != nil {
		return err
	}
	w.heldDocuments, w.heldBytes = w.heldDocuments+len(w.buffer), w.heldBytes+w.texts
	err := w.update(ctx, w.flush)
	if err != nil || w.bulk != nil || w.heldDocuments < holdDocuments && w.heldBytes < holdBytes {
		return err
	}
	return w.letGo()
}

// hold opens a writing transaction for all that the writer does until letGo.
// Readers do not mind: they wait for its end only, as with a short one.
func (w *Writer) hold(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.usable(); w.held || err != nil {
		return err
	}
	if err := w.conn.Exec("BEGIN IMMEDIATE"); err != nil {
		return w.explain(ctx, err)
	}
	err := w.abandon(w.explain(ctx, w.stageUndisturbed()))
	w.held, w.poisoned = err == nil, err
	return err
}

// letGo ends what hold began.
func (w *Writer) letGo() error { return w.endHold("COMMIT") }

func (w *Writer) endHold(how string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.held {
		return nil
	}
	w.held, w.heldDocuments, w.heldBytes = false, 0, 0
	if !w.conn.InTransaction() {
		return nil // an error ended it, and has poisoned the writer
	}
	err := w.conn.Exec(how)
	if err != nil {
		w.uncertain = w.uncertain || !w.conn.InTransaction()
		err = w.explain(context.Background(), err)
		w.poisoned = err
	}
	if w.conn.InTransaction() {
		err = errors.Join(err, w.conn.Exec("ROLLBACK"))
	}
	return err
}
