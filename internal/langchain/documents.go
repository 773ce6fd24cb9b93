package langchain

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"sheaf/internal/pickle"
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
//
// A pickle that was not read yet is read meanwhile: what is wrong with it may follow
// documents.
func (s *Store) Documents(ctx context.Context) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		g := giver{Store: s, ctx: ctx, yield: yield, times: map[uint32]int{}}
		if err := g.giveAll(); err != nil && !errors.Is(err, errEnough) {
			yield(Document{}, err)
		}
	}
}

// giver gives the documents of a store to who asks for them. LangChain writes them in
// the order of the index, as a rule, and that order behind them: those which come as
// the end of the pickle says are given while it is read, and the others after that.
type giver struct {
	*Store
	ctx    context.Context
	yield  func(Document, error) bool
	early  []uint32       // documents that were given while the pickle was read
	times  map[uint32]int // how often documents came again
	failed error          // why no more are given, for which the pickle is not to blame
}

func (g *giver) giveAll() error {
	if docs := g.unread; docs != nil {
		g.unread = nil
		err := g.readFolder(g.ctx, docs, g.take)
		if g.failed != nil {
			return g.failed
		}
		if err != nil {
			return err
		}
	}
	given := make([]bool, len(g.docs.keys))
	for i, p := range g.docs.positions {
		switch {
		case i >= len(g.early):
			g.give(p.doc, given[p.doc])
		case p.doc != g.early[i]:
			return &FormatError{g.path, fmt.Errorf("the entry %d of index_to_docstore_id changes after it was written", i)}
		}
		if g.failed != nil {
			return g.failed
		}
		given[p.doc] = true
	}
	return nil
}

// take lets the docstore take an entry. A document that is the next one is given.
func (g *giver) take(into *pickle.Dict, key, value pickle.Value, listed func(n int) pickle.Value) (bool, error) {
	doc := len(g.docs.keys)
	taken, err := g.docs.take(into, key, value, listed)
	if err != nil || doc == len(g.docs.keys) || int64(len(g.early)) == g.Index.Ntotal {
		return taken, err
	}
	if _, text := key.(string); text && key == listed(len(g.early)) {
		g.early = append(g.early, uint32(doc))
		g.give(uint32(doc), false)
	}
	return true, g.failed
}

// give gives a document with the next vector.
func (g *giver) give(doc uint32, again bool) {
	d, err := g.document(doc, again)
	switch {
	case err != nil:
		g.failed = err
	case g.docs.records[doc].size > 0 && !g.yield(d, nil):
		g.failed = errEnough
	}
}

// errEnough ends the reading of a pickle of which nobody wants more.
var errEnough = errors.New("no more documents are wanted")

// document returns a document with the next vector; an empty one for one that is skipped.
func (g *giver) document(doc uint32, again bool) (d Document, err error) {
	if err := g.ctx.Err(); err != nil {
		return d, err
	}
	var vector []float32
	if g.Index != nil {
		if vector, err = g.Index.next(); err != nil {
			return d, ofIndex(err)
		}
	}
	if g.docs.records[doc].size == 0 {
		return d, nil
	}
	d, mapped, err := g.spool.read(g.docs.records[doc])
	d.ID, d.Vector = g.docs.id(doc), vector
	if again && d.ID == "" {
		return d, &FormatError{g.path, errors.New("several vectors belong to one document without an id, and would need ids of their own")}
	}
	if again {
		d.ID = g.anotherID(d.ID, g.times, doc)
	} else if mapped {
		g.mapped++
	}
	return d, err
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
