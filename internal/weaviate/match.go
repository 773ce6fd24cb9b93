package weaviate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"sheaf/internal/engine"
	"sheaf/internal/metadata"
)

// match is the Ref of an engine.Match.
type match struct {
	number uint32 // of the source's document with this id
	moved  bool   // that document has another place or other metadata
}

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
		matches = make([]engine.Match, len(docs))
		if free, err = v.matchIDs(ctx, src, docs, matches); err != nil {
			return err
		}
		return v.matchTexts(ctx, docs, matches)
	})
	return matches, free, err
}

// matchIDs looks at the documents that have the ids.
func (v *view) matchIDs(ctx context.Context, src engine.Source, docs []engine.Document, matches []engine.Match) (free []string, err error) {
	ids := make([]string, len(docs))
	for i := range docs {
		ids[i] = docs[i].ID
	}
	holders, err := v.byID(ctx, ids, fieldsAll+fieldsVector)
	if err != nil {
		return nil, err
	}
	for i := range docs {
		d, m := &docs[i], &matches[i]
		h, taken := holders[d.ID]
		switch m.Err = v.refuses(d); {
		case m.Err != nil:
		case !taken:
			free = append(free, d.ID)
		case h.Source != src.Number:
			m.Taken = true
		default:
			moved := h.Index != d.StartIndex || h.Start != d.StartLine || h.End != d.EndLine || !metadata.Raw([]byte(h.Metadata)).Equal(d.Metadata)
			m.Ref = match{h.number, moved}
			m.Kept = h.Text == d.Text && (h.Origin == engine.Given) == (d.Vector != nil)
			if m.Kept && d.Vector != nil {
				given, _ := v.Facts.Vector(d.Vector) // refuses saw that it is one
				m.Kept = slices.EqualFunc(h.vector(), given, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })
			}
		}
	}
	return free, nil
}

// matchTexts finds the vectors that texts of documents that are new have already.
func (v *view) matchTexts(ctx context.Context, docs []engine.Document, matches []engine.Match) error {
	wanted := map[string][]int{} // by text: documents
	var hashes []string
	for i := range docs {
		if m := &matches[i]; m.Err == nil && !m.Kept && docs[i].Vector == nil {
			wanted[docs[i].Text] = append(wanted[docs[i].Text], i)
			hashes = append(hashes, textHash(docs[i].Text))
		}
	}
	rows, err := v.lookUp(ctx, "hash", hashes, "text place "+fieldsVector)
	for _, r := range rows {
		if !v.Documents.Contains(r.number) || r.Origin != engine.Embedded {
			continue
		}
		for _, i := range wanted[r.Text] {
			matches[i].Vector = r.vector()
		}
	}
	return err
}

// refuses says why a document cannot be stored.
func (v *view) refuses(d *engine.Document) error {
	if d.Vector != nil {
		if _, err := v.Facts.Vector(d.Vector); err != nil {
			return err
		}
	}
	return check(d)
}

// check refuses what JSON cannot carry, and ids that the server cannot look up.
func check(d *engine.Document) error {
	if err := checkKey("id", d.ID); err != nil {
		return err
	}
	if !utf8.ValidString(d.Text) || !utf8.Valid(d.Metadata.JSON()) {
		return fmt.Errorf("document %q has bytes that are no UTF-8", d.ID)
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
