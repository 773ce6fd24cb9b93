package ingest

import "fmt"

// longChunks counts the chunks of a source that are longer than what the embedder reads of a text.
type longChunks struct {
	shortened int    // so that only their beginning was embedded
	first     string // the place and the lengths of the first of them

	unread  int // whose last tokens the model does not see
	longest int // of those, in tokens
	limit   int // tokens that the model sees
}

// cut counts a chunk of which only the first n bytes were embedded.
func (l *longChunks) cut(s *step, n int) {
	if l.shortened++; l.shortened == 1 {
		l.first = fmt.Sprintf("%s: only the first %d of its %d bytes are embedded", s.place(), n, len(s.doc.Text))
	}
}

// tokens counts a chunk of n tokens, of which the model sees limit. 0 tokens are few enough.
func (l *longChunks) tokens(n, limit int) {
	if n == 0 {
		return
	}
	l.unread++
	l.longest, l.limit = max(l.longest, n), limit
}

// tellLong gives the notices about the long chunks of a source.
func (r *run) tellLong(name string) {
	l := r.long
	r.long = longChunks{}
	switch {
	case l.shortened == 1:
		r.notice("%s: it is too long", l.first)
	case l.shortened > 1:
		r.notice("%s: it is too long, and %d of this source's chunks are", l.first, l.shortened)
	}
	if l.unread > 0 {
		r.notice("%q: %s longer than the %d tokens that %s reads, the longest with %d: the rest does not count (smaller chunks help)",
			name, countIs(l.unread), l.limit, r.e.Identity(), l.longest)
	}
}
