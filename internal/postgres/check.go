package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"sheaf/internal/engine"
	"sheaf/internal/metadata"
	"sheaf/internal/vector"
)

// Problem is something in a store that readers may miss a document or a hit by. What the
// server keeps of pages and indexes is left to its own checksums and to pg_amcheck.
type Problem struct {
	Kind     string // as those of a folder: document, metadata, source, vectors or words
	Message  string
	Remedy   string
	Repaired bool
}

const (
	remedyRepair  = "sheaf check --repair"
	remedyReplace = "ingest the source again with --force, or restore the table from a backup"
)

// Check reads everything in a store and compares what is kept twice. With repair, counts
// and what is known of all vectors are computed anew where they are wrong.
func Check(ctx context.Context, url string, o engine.Options, repair bool) (problems []Problem, err error) {
	if !repair {
		s, err := Open(ctx, url, o)
		if err != nil {
			return nil, err
		}
		problems, err = s.check(ctx)
		return problems, errors.Join(err, s.Close())
	}
	w, err := OpenWriter(ctx, url, o)
	if err != nil {
		return nil, err
	}
	if problems, err = w.check(ctx); err == nil && len(problems) > 0 {
		if err = w.repair(ctx); err == nil {
			for i := range problems {
				problems[i].Repaired = problems[i].Remedy == remedyRepair
			}
		}
	}
	return problems, errors.Join(err, w.Close())
}

func (s *Store) check(ctx context.Context) (problems []Problem, err error) {
	err = s.view(ctx, func(v *view) error {
		counts, err := v.checkCounts(ctx)
		if err == nil {
			problems, err = v.checkDocuments(ctx)
		}
		problems = append(counts, problems...)
		return err
	})
	return problems, err
}

// checkCounts compares the counts of documents with the documents.
func (v *view) checkCounts(ctx context.Context) (problems []Problem, err error) {
	const counts = `SELECT COALESCE(s.name, ''), COALESCE(s.documents, -1), COALESCE(d.n, 0), COALESCE(d.source, s.source)
  FROM {sources} s FULL JOIN (SELECT source, count(*) AS n FROM {documents} GROUP BY source) d USING (source)`
	total := int64(0)
	for r, err := range v.query(ctx, counts) {
		if err != nil {
			return nil, err
		}
		total += r.int(2)
		switch {
		case r.int(1) < 0:
			problems = append(problems, Problem{Kind: "document", Message: fmt.Sprintf("%d documents are of source %d, which is not there: nobody sees them", r.int(2), r.int(3)), Remedy: "restore the table of sources from a backup"})
		case r.int(1) != r.int(2):
			problems = append(problems, Problem{Kind: "source", Message: fmt.Sprintf("source %q has %d documents and counts %d", r.text(0), r.int(2), r.int(1)), Remedy: remedyRepair})
		}
	}
	if total != v.state.documents {
		problems = append(problems, Problem{Kind: "source", Message: fmt.Sprintf("the store has %d documents and counts %d", total, v.state.documents), Remedy: remedyRepair})
	}
	return problems, nil
}

// checkDocuments reads all documents.
func (v *view) checkDocuments(ctx context.Context) (problems []Problem, err error) {
	long, odd := 0, 0
	wordy := wordChecker{state: &v.state}
	var x []float32
	for r, err := range v.query(ctx, `SELECT id, text, text_hash, verbatim, vector, metadata IS NULL, words, length FROM {documents} ORDER BY n`) {
		if err != nil {
			return nil, err
		}
		if textHash(r.text(1)) != r.int(2) {
			problems = append(problems, Problem{Kind: "document", Message: fmt.Sprintf("document %q has another text than it was stored with", r.text(0)), Remedy: remedyReplace})
		}
		if _, err := metadata.Parse(r[3]); err != nil || r.bool(5) != (jsonb(r[3]) == nil) {
			problems = append(problems, Problem{Kind: "metadata", Message: fmt.Sprintf("document %q has damaged metadata", r.text(0)), Remedy: remedyReplace})
		}
		x = r.vector(4, x)
		if vector.Length(x) > v.state.longest {
			long++
		}
		if v.state.unit && !engine.IsUnit(x, len(x)) {
			odd++
		}
		wordy.look(r.text(1), r[6], r.int(7))
	}
	if wordy.wrong > 0 || wordy.tokens != v.state.tokens {
		problems = append(problems, Problem{Kind: "words", Message: fmt.Sprintf("words of %d documents are not those of their texts; the texts have %d, and the store counts %d", wordy.wrong, wordy.tokens, v.state.tokens), Remedy: remedyRepair})
	}
	if long+odd > 0 {
		problems = append(problems, Problem{Kind: "vectors", Message: fmt.Sprintf("vectors have other lengths than the store says: %d are longer, %d have not length 1", long, odd), Remedy: remedyRepair})
	}
	return problems, nil
}

// wordChecker compares the words of documents with their texts.
type wordChecker struct {
	state  *state
	finder finder
	buf    []byte
	wrong  int
	tokens int64
}

func (c *wordChecker) look(text string, stored []byte, length int64) {
	var want []byte
	var terms []uint64
	if !c.state.NoWords {
		terms = c.finder.of(text)
		c.buf = appendWords(c.buf[:0], terms)
		want = c.buf
	}
	c.tokens += int64(lengthOf(terms))
	if !bytes.Equal(want, stored) || length != int64(lengthOf(terms)) {
		c.wrong++
	}
}

// repair computes what can be computed from documents.
func (w *Writer) repair(ctx context.Context) error {
	err := w.do(ctx, func(c *conn) error {
		b := &batch{conn: c}
		b.add(`UPDATE {sources} s SET documents = (SELECT count(*) FROM {documents} d WHERE d.source = s.source)`)
		b.add(`DELETE FROM {sources} WHERE documents = 0 AND hash = ''`)
		return w.send(ctx, b)
	})
	if err == nil && !w.state.NoWords {
		err = w.reindex(ctx, func(int64, int64) {})
	}
	if err != nil {
		return err
	}
	var x []float32
	err = w.view(ctx, func(v *view) error {
		for r, err := range v.query(ctx, `SELECT vector FROM {documents}`) {
			if err != nil {
				return err
			}
			x = r.vector(0, x)
			w.unit = w.unit && engine.IsUnit(x, len(x))
			w.longest = max(w.longest, vector.Length(x))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.Commit(ctx)
}
