package weaviate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"unicode/utf8"

	"sheaf/internal/engine"
	"sheaf/internal/metadata"
)

// textHash is the key under which a text's vector is found again.
func textHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
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
		matches, free, err = engine.Matches(ctx, v, v.Facts, src, docs)
		return err
	})
	return matches, free, err
}

// Refuses returns why a document cannot be stored.
func (v *view) Refuses(d *engine.Document) error { return check(d) }

// HoldersOf finds the documents that have the ids.
func (v *view) HoldersOf(ctx context.Context, ids []string) (map[string]engine.Held, error) {
	rows, err := v.byID(ctx, ids, fieldsOf(true))
	holders := make(map[string]engine.Held, len(rows))
	for id, r := range rows {
		d := engine.Document{
			ID: id, Text: r.Text, Metadata: metadata.Raw([]byte(r.Metadata)), StartIndex: r.Index, StartLine: r.Start, EndLine: r.End, Vector: r.vector,
		}
		holders[id] = engine.Held{Document: d, Number: int64(r.number), SourceNumber: r.Source, Origin: r.Origin}
	}
	return holders, err
}

// VectorsOf finds the vectors that texts have already.
func (v *view) VectorsOf(ctx context.Context, texts []string) (map[string][]float32, error) {
	hashes, vectors := make([]string, len(texts)), make(map[string][]float32, len(texts))
	for i, text := range texts {
		hashes[i] = textHash(text)
	}
	rows, err := v.lookUp(ctx, "hash", hashes, "text place "+fieldVector)
	for _, r := range rows {
		if v.Documents.Contains(r.number) && r.Origin == engine.Embedded {
			vectors[r.Text] = r.vector
		}
	}
	return vectors, err
}

// maxDocument is how many bytes of text and metadata a document may have: one that is read with all else fits
// into a message.
const maxDocument = maxMessageSize - 1<<20

// check refuses what messages cannot carry, and ids that the server cannot look up.
func check(d *engine.Document) error {
	if err := checkKey("id", d.ID); err != nil {
		return err
	}
	if !utf8.ValidString(d.Text) || !utf8.Valid(d.Metadata.JSON()) {
		return fmt.Errorf("document %q has bytes that are no UTF-8", d.ID)
	}
	if n := len(d.Text) + len(d.Metadata.JSON()); n > maxDocument {
		return fmt.Errorf("document %q has %d bytes; Weaviate takes at most %d", d.ID, n, maxDocument)
	}
	return nil
}

// maxKey is how many bytes of an id the server's index takes, and of a name to be like it.
const maxKey = 32 << 10

// checkKey refuses an id or a name that the store cannot have.
func checkKey(what, s string) error {
	switch {
	case !utf8.ValidString(s):
		return fmt.Errorf("%s %q has bytes that are no UTF-8", what, s)
	case len(s) > maxKey:
		return fmt.Errorf("%s %.60q… has %d bytes; Weaviate indexes at most %d", what, s, len(s), maxKey)
	}
	return nil
}

// storable returns the strings that the store may have.
func storable(all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return checkKey("", s) != nil })
}
