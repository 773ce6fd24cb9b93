package store

import (
	"context"
	"math"
	"os"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
)

// found is the Ref of a match.
type found struct {
	number int64 // of the source's document with this id, plus one; 0: none
	moved  bool  // that document has another place or other metadata
	asOf   int64 // documents numbered below it were looked at
}

// foundBy returns what Match found; nothing for a match that it did not make.
func foundBy(m engine.Match) found {
	ref, _ := m.Ref.(found)
	return ref
}

// Match looks documents up that src is about to get. A document's Vector,
// where set, came with it and must equal the stored one. Matches are used in
// the order in which they were made.
func (s *Store) Match(ctx context.Context, src engine.Source, docs []engine.Document) ([]engine.Match, error) {
	matches := make([]engine.Match, len(docs))
	err := s.transaction(ctx, func() error {
		l := lookup{Store: s}
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

// lookup is one transaction's look at the store. It opens the index file when
// it first needs a vector.
type lookup struct {
	*Store
	flat *faiss.Flat
	file *os.File
}

func (l *lookup) close() {
	if l.file != nil {
		l.file.Close()
	}
}

func (l *lookup) match(src engine.Source, doc *engine.Document, m *engine.Match) (err error) {
	ref := found{asOf: l.state.count}
	defer func() { m.Ref = ref }()
	given := doc.Vector
	if given != nil {
		if given, err = l.state.facts.Vector(given); err != nil {
			m.Err = err
			return nil
		}
	}
	if err := l.matchID(src, doc, given != nil, m, &ref); err != nil {
		return err
	}
	switch {
	case m.Kept && given != nil:
		stored, err := l.vector(ref.number - 1)
		m.Kept = err == nil && sameBits(stored, given)
		return err
	case m.Kept || given != nil:
		return nil
	}
	m.Vector, err = l.vectorOf(doc.Text)
	return err
}

// matchID looks at the visible document with doc's id.
func (l *lookup) matchID(src engine.Source, doc *engine.Document, given bool, m *engine.Match, ref *found) error {
	const query = `SELECT d.n, d.source, d.text, d.origin, d.start_index, d.start_line, d.end_line, m.json
  FROM document d JOIN meta m ON m.meta = d.meta WHERE d.id = ?`
	for row, err := range l.conn.Query(query, doc.ID) {
		if err != nil {
			return err
		}
		n := row.Int64(0)
		if !l.state.alive(n) {
			continue
		}
		if row.Int64(1) != src.Number {
			m.Taken = true
			continue
		}
		ref.number = n + 1
		m.Kept = row.Text(2) == doc.Text && (engine.Origin(row.Int(3)) == engine.Given) == given
		ref.moved = row.Int(4) != doc.StartIndex || row.Int(5) != doc.StartLine ||
			row.Int(6) != doc.EndLine || row.Text(7) != string(doc.Metadata)
	}
	return nil
}

// vectorOf finds the vector of a visible document with the same text that this
// store's embedder made from all of it.
func (l *lookup) vectorOf(text string) ([]float32, error) {
	n, err := l.embedded(text, l.state.alive)
	if err != nil || n < 0 {
		return nil, err
	}
	return l.vector(n)
}

// embedded finds the first document that may be used, with this text and a
// vector that this store's embedder made from all of it; -1 for none.
func (s *Store) embedded(text string, usable func(n int64) bool) (int64, error) {
	const query = `SELECT n FROM document WHERE text_hash = ? AND origin = ? AND text = ? ORDER BY n`
	for row, err := range s.conn.Query(query, textHash(text), int(engine.Embedded), text) {
		if err != nil {
			return -1, err
		}
		if n := row.Int64(0); usable(n) {
			return n, nil
		}
	}
	return -1, nil
}

// vector reads one committed row.
func (l *lookup) vector(n int64) (x []float32, err error) {
	if l.file == nil {
		if l.flat, l.file, err = l.openIndex(); err != nil {
			return nil, err
		}
	}
	return l.state.vectors(l.flat, []int64{n})
}

func sameBits(a, b []float32) bool {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}
