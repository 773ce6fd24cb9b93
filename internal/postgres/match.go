package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"sheaf/internal/engine"
)

// match is the Ref of an engine.Match.
type match struct {
	number int64 // of the source's document with this id
	moved  bool  // that document has another place or other metadata
}

// textHash is the key under which a text's vector is found again.
func textHash(text string) int64 {
	sum := sha256.Sum256([]byte(text))
	return int64(binary.LittleEndian.Uint64(sum[:8]))
}

// Match looks documents up that src is about to get. A document's Vector, where set, came
// with it and must equal the stored one.
func (s *Store) Match(ctx context.Context, src engine.Source, docs []engine.Document) ([]engine.Match, error) {
	matches, _, err := s.match(ctx, src, docs)
	return matches, err
}

// match is Match, and returns the ids that no document has.
func (s *Store) match(ctx context.Context, src engine.Source, docs []engine.Document) (matches []engine.Match, free []string, err error) {
	matches = make([]engine.Match, len(docs))
	err = s.view(ctx, func(v *view) error {
		free, err = v.matchIDs(ctx, src, docs, matches)
		if err != nil {
			return err
		}
		return v.matchTexts(ctx, docs, matches)
	})
	return matches, free, err
}

// held is a document that has an id.
type held struct {
	engine.Document
	match
	source int64
	origin engine.Origin
}

// matchIDs looks at the documents that have the ids.
func (v *view) matchIDs(ctx context.Context, src engine.Source, docs []engine.Document, matches []engine.Match) (free []string, err error) {
	var ids []string
	for i := range docs {
		ids = append(ids, docs[i].ID)
	}
	holders := map[string]held{}
	const more = `, d.source `
	for r, err := range v.query(ctx, documentColumns+withVector+more+fromDocuments+`WHERE d.id = ANY ($1)`, storable(ids)) {
		if err != nil {
			return nil, err
		}
		holders[r.text(columnID)] = held{r.document(), match{number: r.int(columnN)}, r.int(columnMore), engine.Origin(r.int(columnOrigin))}
	}
	for i := range docs {
		d, m := &docs[i], &matches[i]
		h, taken := holders[d.ID]
		switch m.Err = v.refuses(d); {
		case m.Err != nil:
		case !taken:
			free = append(free, d.ID)
		case h.source != src.Number:
			m.Taken = true
		default:
			h.moved = h.StartIndex != d.StartIndex || h.StartLine != d.StartLine || h.EndLine != d.EndLine || !h.Metadata.Equal(d.Metadata)
			m.Ref = h.match
			m.Kept = h.Text == d.Text && (h.origin == engine.Given) == (d.Vector != nil)
			if m.Kept && d.Vector != nil {
				given, _ := v.state.Vector(d.Vector) // refuses saw that it is one
				m.Kept = slices.EqualFunc(h.Vector, given, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })
			}
		}
	}
	return free, nil
}

// matchTexts finds the vectors that texts of documents that are new have already.
func (v *view) matchTexts(ctx context.Context, docs []engine.Document, matches []engine.Match) error {
	wanted := map[string][]int{} // by text: documents
	var hashes []int64
	for i := range docs {
		if m := &matches[i]; m.Err == nil && !m.Kept && docs[i].Vector == nil {
			wanted[docs[i].Text] = append(wanted[docs[i].Text], i)
			hashes = append(hashes, textHash(docs[i].Text))
		}
	}
	if len(hashes) == 0 {
		return nil
	}
	for r, err := range v.query(ctx, `SELECT text, vector FROM {documents} WHERE text_hash = ANY ($1) AND origin = 1`, hashes) {
		if err != nil {
			return err
		}
		for _, i := range wanted[r.text(0)] {
			matches[i].Vector = r.vector(1, nil)
		}
	}
	return nil
}

// refuses says why a document cannot be stored.
func (v *view) refuses(d *engine.Document) error {
	if d.Vector != nil {
		if _, err := v.state.Vector(d.Vector); err != nil {
			return err
		}
	}
	return v.state.check(d)
}

// check refuses what PostgreSQL cannot keep.
func (s *state) check(d *engine.Document) error {
	if err := checkKey("id", d.ID); err != nil {
		return err
	}
	if !isText(d.Text) || !isText(d.Metadata.String()) {
		return fmt.Errorf("document %q has bytes that PostgreSQL's text cannot hold: NUL, or no UTF-8", d.ID)
	}
	if s.NoWords {
		return nil
	}
	return checkWords(d.ID, d.Text)
}
