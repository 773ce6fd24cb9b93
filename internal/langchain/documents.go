package langchain

import (
	"context"
	"fmt"
	"iter"
	"strconv"
)

// Remarks returns what is worth knowing about a store beside its documents. It is
// complete once these were read.
func (s *Store) Remarks() (all []string) {
	say := func(n int, one, many string) {
		if n == 1 {
			all = append(all, "1 "+one)
		} else if n > 1 {
			all = append(all, fmt.Sprintf("%d %s", n, many))
		}
	}
	say(s.docs.other, "document has an id that is no text: see docs/langchain.md", "documents have ids that are no texts: see docs/langchain.md")
	say(s.mapped, "document has metadata values that JSON has no type for: see docs/langchain.md",
		"documents have metadata values that JSON has no type for: see docs/langchain.md")
	say(s.Len()-s.docs.used, "vector points to a document that another one points to: it came as ID#2",
		"vectors point to documents that others point to: they came as ID#2 and so on")
	say(len(s.docs.keys)-s.docs.used, "document has no vector and was left out", "documents have no vector and were left out")
	say(s.spool.members, fmt.Sprintf("document has a member of an enum that is not known, %q: its value stands in its place", s.spool.enum),
		fmt.Sprintf("documents have members of enums that are not known, such as %q: their values stand in their place", s.spool.enum))
	what := map[OnUnknown]string{SkipUnknown: "left out", TextUnknown: "read as text"}[s.spool.onUnknown]
	say(s.spool.unknown, fmt.Sprintf("document has values of a class that is not known, %q: it was %s", s.spool.unknownClass, what),
		fmt.Sprintf("documents have values of classes that are not known, such as %q: they were %s", s.spool.unknownClass, what))
	say(s.surrogates, "text held half of a surrogate pair: U+FFFD stands in its place",
		"texts held halves of surrogate pairs: U+FFFD stands in their place")
	if s.Index != nil {
		all = append(all, s.Index.Remarks()...)
	}
	return all
}

// Documents yields the documents in the order of the index, once. A document that
// several vectors point to comes once for each: the second time as ID#2, then as
// ID#3 and so on. Its vector is valid until the next document.
func (s *Store) Documents(ctx context.Context) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		times := map[uint32]int{} // of documents that came before
		seen := make([]bool, len(s.docs.keys))
		for _, p := range s.docs.positions {
			doc := p.doc
			var vector []float32
			err := ctx.Err()
			if err == nil && s.Index != nil {
				vector, err = s.Index.next()
				err = ofIndex(err)
			}
			var d Document
			var mapped bool
			if err == nil && s.docs.records[doc].size == 0 {
				continue
			}
			if err == nil {
				d, mapped, err = s.spool.read(s.docs.records[doc])
			}
			if err != nil {
				yield(Document{}, err)
				return
			}
			d.ID, d.Vector = s.docs.id(doc), vector
			if seen[doc] {
				d.ID = s.anotherID(d.ID, times, doc)
			} else if mapped {
				s.mapped++
			}
			seen[doc] = true
			if !yield(d, nil) {
				return
			}
		}
	}
}

// anotherID returns an id for another vector of a document.
func (s *Store) anotherID(id string, times map[uint32]int, doc uint32) string {
	for {
		times[doc]++
		other := id + "#" + strconv.Itoa(times[doc]+1)
		if !s.docs.has(string(textKey) + other) {
			return other
		}
	}
}
