package postgres

import (
	"context"
	"fmt"

	"sheaf/internal/words"
)

// indexWords makes the words of all documents anew where they were made by other rules.
func (w *Writer) indexWords(ctx context.Context, progress func(done, total int64)) error {
	if w.state.words == words.Version {
		return nil
	}
	if progress == nil {
		progress = func(int64, int64) {}
	}
	if err := w.reindex(ctx, progress); err != nil {
		return err
	}
	return w.Commit(ctx)
}

// reindex makes the words of all documents anew, in the transaction of the next commit.
func (w *Writer) reindex(ctx context.Context, progress func(done, total int64)) error {
	if err := w.flush(ctx); err != nil {
		return err
	}
	err := w.do(ctx, func(c *conn) error {
		if _, err := c.script(ctx, `CREATE TEMP TABLE made (n bigint, length integer, words tsvector) ON COMMIT DROP`); err != nil {
			return err
		}
		if err := w.makeWords(ctx, c, progress); err != nil {
			return err
		}
		_, err := c.script(ctx, fmt.Sprintf(`ANALYZE made;
UPDATE {documents} d SET length = made.length, words = made.words FROM made WHERE made.n = d.n;
UPDATE {facts} SET words = %d, tokens = (SELECT COALESCE(sum(length), 0) FROM {documents})`, words.Version))
		return err
	})
	if err == nil {
		w.state.words, w.tokens = words.Version, 0
	}
	return err
}

// makeWords copies the words of all documents that are committed to the table made.
func (w *Writer) makeWords(ctx context.Context, c *conn, progress func(done, total int64)) error {
	const copyMade = `COPY made FROM STDIN (FORMAT binary)`
	var made rows
	done := int64(0)
	err := w.view(ctx, func(v *view) error {
		for r, err := range v.query(ctx, `SELECT n, text FROM {documents}`) {
			if err != nil {
				return err
			}
			made.end(appendTerms(appendInt(made.begin(3), r.int(0)), w.words.of(r.text(1))))
			if done++; made.buf.Len() < copyBytes {
				continue
			}
			if err := made.send(ctx, c, copyMade); err != nil {
				return err
			}
			progress(done, v.state.documents)
		}
		return nil
	})
	if err == nil && made.n > 0 {
		err = made.send(ctx, c, copyMade)
	}
	return err
}
