package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"sheaf/internal/engine"
)

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
	err = s.view(ctx, func(v *view) error {
		matches, free, err = engine.Matches(ctx, v, v.state.Facts, src, docs)
		return err
	})
	return matches, free, err
}

// Refuses returns why a document cannot be stored.
func (v *view) Refuses(d *engine.Document) error { return v.state.check(d) }

// HoldersOf finds the documents that have the ids.
func (v *view) HoldersOf(ctx context.Context, ids []string) (map[string]engine.Held, error) {
	holders := map[string]engine.Held{}
	for r, err := range v.query(ctx, documentColumns+withVector+`, d.source `+fromDocuments+`WHERE d.id = ANY ($1)`, storable(ids)) {
		if err != nil {
			return nil, err
		}
		holders[r.text(columnID)] = engine.Held{
			Document: r.document(), Number: r.int(columnN), SourceNumber: r.int(columnMore), Origin: engine.Origin(r.int(columnOrigin)),
		}
	}
	return holders, nil
}

// VectorsOf finds the vectors that texts have already.
func (v *view) VectorsOf(ctx context.Context, texts []string) (map[string][]float32, error) {
	hashes, vectors := make([]int64, len(texts)), make(map[string][]float32, len(texts))
	for i, text := range texts {
		hashes[i] = textHash(text)
	}
	for r, err := range v.query(ctx, `SELECT text, vector FROM {documents} WHERE text_hash = ANY ($1) AND origin = 1`, hashes) {
		if err != nil {
			return nil, err
		}
		vectors[r.text(0)] = r.vector(1, nil)
	}
	return vectors, nil
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
