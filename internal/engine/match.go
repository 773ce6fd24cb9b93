package engine

import (
	"context"
	"math"
	"slices"
)

// Matcher is a view of a store in which documents are looked up together.
type Matcher interface {
	// Refuses returns why the store cannot keep a document, its vector apart.
	Refuses(d *Document) error
	// HoldersOf finds the documents that have the ids, with their vectors.
	HoldersOf(ctx context.Context, ids []string) (map[string]Held, error)
	// VectorsOf finds the vectors that the store's embedder made of whole texts.
	VectorsOf(ctx context.Context, texts []string) (map[string][]float32, error)
}

// Held is a document of a store.
type Held struct {
	Document
	Number, SourceNumber int64
	Origin               Origin
}

// Matches tells what a store with the facts knows of documents that src is about to get, and
// which of their ids no document has. A document's Vector, where set, came with it and must
// equal the stored one.
func Matches(ctx context.Context, m Matcher, f Facts, src Source, docs []Document) (matches []Match, free []string, err error) {
	matches = make([]Match, len(docs))
	ids := make([]string, len(docs))
	for i := range docs {
		ids[i] = docs[i].ID
	}
	holders, err := m.HoldersOf(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	var texts []string // that may have a vector already
	for i := range docs {
		d := &docs[i]
		h, taken := holders[d.ID]
		if matches[i] = f.match(m, d, &h, taken && h.SourceNumber == src.Number); matches[i].Err != nil {
			continue
		}
		if matches[i].Taken = taken && h.SourceNumber != src.Number; !taken {
			free = append(free, d.ID)
		}
		if !matches[i].Kept && d.Vector == nil {
			texts = append(texts, d.Text)
		}
	}
	if len(texts) == 0 {
		return matches, free, nil
	}
	vectors, err := m.VectorsOf(ctx, texts)
	for i := range docs {
		if x := &matches[i]; x.Err == nil && !x.Kept && docs[i].Vector == nil {
			x.Vector = vectors[docs[i].Text]
		}
	}
	return matches, free, err
}

// match compares a document with the one that its source has under its id, where it has one.
func (f Facts) match(m Matcher, d *Document, h *Held, has bool) (match Match) {
	var given []float32
	if d.Vector != nil {
		given, match.Err = f.Vector(d.Vector)
	}
	if match.Err == nil {
		match.Err = m.Refuses(d)
	}
	if match.Err != nil || !has {
		return match
	}
	match.Number = h.Number
	match.Moved = h.StartIndex != d.StartIndex || h.StartLine != d.StartLine || h.EndLine != d.EndLine || !h.Metadata.Equal(d.Metadata)
	match.Kept = h.Text == d.Text && (h.Origin == Given) == (d.Vector != nil) &&
		(given == nil || slices.EqualFunc(h.Vector, given, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }))
	return match
}
