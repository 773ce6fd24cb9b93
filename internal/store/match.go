package store

import (
	"context"
	"math"

	"sheaf/internal/engine"
)

// Match looks documents up that src is about to get. A document's Vector,
// where set, came with it and must equal the stored one. Matches are used in
// the order in which they were made.
func (s *Store) Match(ctx context.Context, src engine.Source, docs []engine.Document) ([]engine.Match, error) {
	matches := make([]engine.Match, len(docs))
	err := s.view(ctx, func(t *tx) error {
		l := matcher{tx: t, dir: s.dir}
		defer l.close()
		for i := range docs {
			if err := l.match(src, &docs[i], &matches[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return matches, err
}

// matcher is one transaction's look at the store. It opens the index file when
// it first needs a vector.
type matcher struct {
	*tx
	dir    string
	opened *vectors
}

func (l *matcher) close() {
	if l.opened != nil {
		l.opened.Close()
	}
}

func (l *matcher) match(src engine.Source, doc *engine.Document, m *engine.Match) (err error) {
	given := doc.Vector
	if given != nil {
		if given, err = l.facts.Vector(given); err != nil {
			m.Err = err
			return nil
		}
	}
	err = l.matchID(src, doc, given != nil, m)
	switch {
	case err != nil:
		return err
	case m.Kept && given != nil:
		stored, err := l.vector(m.Number)
		m.Kept = err == nil && sameBits(stored, given)
		return err
	case m.Kept || given != nil:
		return nil
	}
	n, err := l.embedded(doc.Text, l.alive)
	if err == nil && n >= 0 {
		m.Vector, err = l.vector(n)
	}
	return err
}

// matchID looks at the visible document with doc's id.
func (l *matcher) matchID(src engine.Source, doc *engine.Document, given bool, m *engine.Match) error {
	const query = `SELECT d.n, d.source, d.text, d.origin, d.start_index, d.start_line, d.end_line, m.json
  FROM document d JOIN meta m ON m.meta = d.meta WHERE d.id = ?`
	for row, err := range l.Query(query, doc.ID) {
		switch {
		case err != nil:
			return err
		case !l.alive(row.Int64(0)):
			continue
		case row.Int64(1) != src.Number:
			m.Taken = true
			return nil
		}
		m.Number = row.Int64(0)
		m.Kept = row.Text(2) == doc.Text && (engine.Origin(row.Int(3)) == engine.Given) == given
		m.Moved = row.Int(4) != doc.StartIndex || row.Int(5) != doc.StartLine || row.Int(6) != doc.EndLine || row.Text(7) != doc.Metadata.String()
		return nil
	}
	return nil
}

// vector reads the vector of a visible document.
func (l *matcher) vector(n int64) ([]float32, error) {
	if l.opened == nil {
		v, err := openVectors(l.dir, l.state)
		if err != nil {
			return nil, err
		}
		l.opened = &v
	}
	return l.opened.of(l.state, []int64{n})
}

func sameBits(a, b []float32) bool {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}
