package weaviate

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"sheaf/internal/postings"
	"sheaf/internal/words"
)

// The index of words is the folder's, see package postings: a commit adds a segment of its
// documents, and those of like size are merged. The pages of a segment are objects, written
// once, whose ids are made of its token. So a query reads only the pages that have its terms, and the
// figures are those of a folder.

// segment is one of the index of words, as the state has it. Its directory is an object too.
type segment struct {
	Token     uuid.UUID `json:"token"`
	First     uint32    `json:"first"`
	Last      uint32    `json:"last"`
	Documents int64     `json:"documents"`
	Tokens    int64     `json:"tokens"`
	Pages     int       `json:"pages"`
}

// without is the segment without its directory.
func (s segment) without() postings.Segment {
	return postings.Segment{First: s.First, Last: s.Last, Documents: s.Documents, Tokens: s.Tokens}
}

// directory is the number of the page that has the directory.
const directory = -1

// page is the id of the object that has a page.
func (s segment) page(i int) string {
	return uuid.NewSHA1(s.Token, strconv.AppendInt(nil, int64(i), 10)).String()
}

// ids are those of all objects of the segment.
func (s segment) ids() (ids []string) {
	for i := directory; i < s.Pages; i++ {
		ids = append(ids, s.page(i))
	}
	return ids
}

// source reads a segment.
func (c *client) source(ctx context.Context, s segment) (postings.Source, error) {
	read := func(i int) ([]byte, error) {
		data, there, err := c.read(ctx, c.place.meta(), s.page(i))
		if err == nil && !there {
			err = errChanged
		}
		if err != nil {
			return nil, err
		}
		page, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			return nil, postings.ErrMalformed
		}
		return page, nil
	}
	of := postings.Source{Segment: s.without(), Page: read}
	var err error
	of.Directory, err = read(directory)
	return of, err
}

// index reads the index of words. It keeps what it has read as long as keep says.
func (v *view) index(ctx context.Context, keep int) (*postings.Index, error) {
	x := &postings.Index{Documents: v.count(), Alive: v.Documents.ToDense(), Last: words.Last, Keep: keep}
	for _, s := range v.Segments {
		of, err := v.client.source(ctx, s)
		if err != nil {
			return nil, err
		}
		x.Sources = append(x.Sources, of)
	}
	return x, nil
}

// indexing makes the segments of a writer.
type indexing struct {
	tokenizer words.Tokenizer
	tokens    []words.Token
	builder   postings.Builder
	segments  []segment // those of the store and of this writer, in the order of their documents
}

// add adds the words of a document.
func (w *Writer) addWords(ctx context.Context, n uint32, text string) error {
	x := &w.words
	if w.facts.NoWords {
		return nil
	}
	if !x.builder.Fits(n) {
		if err := w.flushWords(ctx); err != nil {
			return err
		}
	}
	x.tokens = x.tokenizer.Append(x.tokens[:0], text)
	x.builder.Add(n, func(yield func(uint64) bool) {
		for _, t := range x.tokens {
			if !yield(t.Term) {
				return
			}
		}
	})
	return nil
}

// flushWords writes a segment of the documents that were added since the last one.
func (w *Writer) flushWords(ctx context.Context) error {
	if w.words.builder.Empty() {
		return nil
	}
	made, err := w.writeSegment(ctx, w.words.builder.Flush)
	if err == nil {
		w.words.segments = append(w.words.segments, made)
	}
	return err
}

// pageBatch is how many pages are sent at once.
const pageBatch = 64

// writeSegment writes the segment that make makes, and its pages.
func (w *Writer) writeSegment(ctx context.Context, make func(emit func(page []byte) error) (postings.Segment, error)) (segment, error) {
	s := segment{Token: uuid.New()}
	var batch []message
	write := func(i int, page []byte) error {
		o := properties{Data: base64.StdEncoding.EncodeToString(page)}
		batch = append(batch, o.object(w.place.meta(), s.page(i), nil))
		if len(batch) < pageBatch && i != directory {
			return nil
		}
		err := w.put(ctx, batch)
		batch = nil
		return err
	}
	made, err := make(func(page []byte) error {
		s.Pages++
		return write(s.Pages-1, page)
	})
	if err != nil {
		return s, err
	}
	s.First, s.Last, s.Documents, s.Tokens = made.First, made.Last, made.Documents, made.Tokens
	return s, write(directory, made.Directory)
}

// mergeWords merges segments of like size, where there are many, without the documents that are
// not in a state.
func (w *Writer) mergeWords(ctx context.Context, s *state) error {
	var plain []postings.Segment
	for _, of := range w.words.segments {
		plain = append(plain, of.without())
	}
	s.Segments = slices.Clone(w.words.segments)
	from := postings.Due(plain)
	if from >= len(plain) {
		return nil
	}
	var sources []postings.Source
	for _, of := range s.Segments[from:] {
		source, err := w.client.source(ctx, of)
		if err != nil {
			return err
		}
		sources = append(sources, source)
	}
	merged, err := w.writeSegment(ctx, func(emit func(page []byte) error) (postings.Segment, error) {
		return postings.Merge(sources, s.Documents.ToDense(), emit)
	})
	s.Segments = append(s.Segments[:from], merged)
	return err
}

// reindex makes the words of all documents anew, for the next commit.
func (w *Writer) reindex(ctx context.Context, progress func(done, total int64)) error {
	w.words = indexing{}
	v := w.asCommitted()
	done := int64(0)
	for r, err := range v.each(ctx, "text source") {
		if err == nil && w.has(r) {
			err = w.addWords(ctx, r.number, r.Text)
		}
		if err != nil {
			return err
		}
		if done++; progress != nil && done%listed == 0 {
			progress(done, v.count())
		}
	}
	return nil
}
