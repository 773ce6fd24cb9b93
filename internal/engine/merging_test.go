package engine_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
	"sheaf/internal/metadata"
)

// shelf is a store in memory, and its writer. A document is written "source/id=text"; the number
// of one is its place.
type shelf struct {
	docs    []item
	sources []engine.Source // by their number, from 1
	engine.Holders
	free   engine.FreeIDs
	looked int // ids that were looked up
}

type item struct {
	source           int64
	id, text, object string
	gone             bool
}

func newShelf(t *testing.T, content string) *shelf {
	t.Helper()
	s := &shelf{}
	s.Holders = engine.Holders{LookUp: s.find, Free: &s.free, Page: 2, Empty: content == ""}
	for _, tr := range transfers(content) {
		src, found, _ := s.SourceByKey(t.Context(), tr.From.Key)
		if !found {
			tr.From.Hash, tr.From.Number = []byte("old"), int64(len(s.sources)+1)
			src = tr.From
			s.sources = append(s.sources, src)
		}
		s.docs = append(s.docs, item{src.Number, tr.ID, tr.Text, "{}", false})
		s.sources[src.Number-1].Documents++
	}
	return s
}

// transfers reads documents. A source "key:name" has another name than its key.
func transfers(content string) (all []engine.Transfer) {
	for _, word := range strings.Fields(content) {
		source, rest, _ := strings.Cut(word, "/")
		id, text, _ := strings.Cut(rest, "=")
		key, name, named := strings.Cut(source, ":")
		if !named {
			name = key
		}
		object, err := metadata.Parse([]byte("{}"))
		if err != nil {
			return nil
		}
		all = append(all, engine.Transfer{
			Document: engine.Document{ID: id, Text: text, Metadata: object, Vector: []float32{float32(len(text))}},
			From:     engine.Source{Key: "test://" + key, Name: name, Hash: []byte("new")},
		})
	}
	return all
}

func (s *shelf) Facts() engine.Facts { return engine.Facts{Dim: 1, Metric: engine.L2} }

func (s *shelf) Begin(ctx context.Context, docs iter.Seq2[engine.Transfer, error]) (int64, iter.Seq2[engine.Transfer, error]) {
	return int64(len(s.docs)), s.Ahead(ctx, docs)
}

func (s *shelf) find(_ context.Context, ids []string) (map[string]engine.Holder, error) {
	s.looked += len(ids)
	found := map[string]engine.Holder{}
	for n, d := range s.docs {
		if !d.gone && slices.Contains(ids, d.id) {
			found[d.id] = engine.Holder{Number: int64(n), Source: d.source, Text: d.text, Metadata: d.object}
		}
	}
	return found, nil
}

func (s *shelf) SourceByKey(_ context.Context, key string) (engine.Source, bool, error) {
	return s.source(func(src engine.Source) bool { return src.Key == key })
}

func (s *shelf) SourceByName(_ context.Context, name string) (engine.Source, bool, error) {
	return s.source(func(src engine.Source) bool { return src.Name == name })
}

func (s *shelf) source(is func(engine.Source) bool) (engine.Source, bool, error) {
	for _, src := range s.sources {
		if src.Documents > 0 && is(src) {
			return src, true, nil
		}
	}
	return engine.Source{}, false, nil
}

func (s *shelf) Arrive(_ context.Context, src engine.Source) (engine.Arrival, error) {
	if src.Number == 0 {
		src.Number = int64(len(s.sources) + 1)
		s.sources = append(s.sources, src)
	}
	return &delivery{s, src, len(s.docs)}, nil
}

func (s *shelf) End(_ context.Context, stolen *roaring.Bitmap, _ []int64) error {
	for n := range s.docs {
		if stolen.Contains(uint32(n)) && !s.docs[n].gone {
			s.docs[n].gone = true
			s.sources[s.docs[n].source-1].Hash = nil
		}
	}
	for i := range s.sources {
		s.sources[i].Documents = 0
	}
	for _, d := range s.docs {
		if !d.gone {
			s.sources[d.source-1].Documents++
		}
	}
	return nil
}

type delivery struct {
	shelf  *shelf
	source engine.Source
	since  int
}

func (d *delivery) Source() engine.Source { return d.source }

func (d *delivery) Add(_ context.Context, t *engine.Transfer, vector []float32, old int64) error {
	if int(vector[0]) != len(t.Text) {
		return fmt.Errorf("id %q has another document's vector", t.ID)
	}
	if old >= 0 && d.shelf.docs[old].id != t.ID {
		return fmt.Errorf("id %q is not that of document %d", t.ID, old)
	}
	d.shelf.Added(&t.Document)
	d.shelf.free.Add(t.ID)
	d.shelf.docs = append(d.shelf.docs, item{d.source.Number, t.ID, t.Text, t.Metadata.String(), false})
	return nil
}

func (d *delivery) End(src engine.Source, kept *roaring.Bitmap) {
	for n := range d.shelf.docs[:d.since] {
		one := &d.shelf.docs[n]
		one.gone = one.gone || one.source == d.source.Number && kept != nil && !kept.Contains(uint32(n))
	}
	d.shelf.sources[d.source.Number-1] = src
}

func (d *delivery) Abandon() {
	for n := range d.shelf.docs[d.since:] {
		one := &d.shelf.docs[d.since+n]
		one.gone = one.gone || one.source == d.source.Number
	}
}

// String lists the documents in their order, each with its source's name, and * where that is to
// be read again.
func (s *shelf) String() string {
	var all []string
	for _, d := range s.docs {
		if d.gone {
			continue
		}
		src := s.sources[d.source-1]
		mark := ""
		if len(src.Hash) == 0 {
			mark = "*"
		}
		id := d.id
		if len(id) > 8 { // made of the document
			id = "made"
		}
		all = append(all, fmt.Sprintf("%s%s/%s=%s", src.Name, mark, id, d.text))
	}
	return strings.Join(all, " ")
}

// snapshots are what arrives: a phase for each |. One slice has all vectors in turn.
func snapshots(content string) (from []engine.Snapshot) {
	for phase := range strings.SplitSeq(content, "|") {
		from = append(from, engine.Snapshot{Name: "other", Transfers: func(yield func(engine.Transfer, error) bool) {
			reused := make([]float32, 1)
			for _, t := range transfers(phase) {
				reused[0], t.Vector = t.Vector[0], reused
				if !yield(t, nil) {
					return
				}
			}
		}})
	}
	return from
}

// TestMerge holds what becomes of documents and sources under each policy. "-" for a result says
// that nothing is merged.
func TestMerge(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, store, arrives           string
		fail, skip, replace, different string // the store under each policy
	}{
		{
			name: "into nothing", arrives: "a/1=x a/2=y b/3=z",
			fail: "a/1=x a/2=y b/3=z", skip: "a/1=x a/2=y b/3=z", replace: "a/1=x a/2=y b/3=z", different: "a/1=x a/2=y b/3=z",
		},
		{
			name: "another source", store: "a/1=x", arrives: "b/2=y",
			fail: "a/1=x b/2=y", skip: "a/1=x b/2=y", replace: "a/1=x b/2=y", different: "a/1=x b/2=y",
		},
		{
			name: "the same again", store: "a/1=x a/2=y", arrives: "a/1=x a/2=y",
			fail: "a/1=x a/2=y", skip: "a/1=x a/2=y", replace: "a/1=x a/2=y", different: "a/1=x a/2=y",
		},
		{
			name: "a part of a source", store: "a/1=x a/2=y", arrives: "a/2=y",
			fail: "-", skip: "a/1=x a/2=y", replace: "a/2=y", different: "a/1=x a/2=y",
		},
		{
			name: "more of a source", store: "a/1=x", arrives: "a/1=x a/2=y",
			fail: "-", skip: "a/1=x", replace: "a/1=x a/2=y", different: "a*/1=x a*/2=y",
		},
		{
			name: "a source with other chunks", store: "a/1=x", arrives: "a/2=y",
			fail: "-", skip: "a/1=x", replace: "a/2=y", different: "a*/1=x a*/2=y",
		},
		{
			name: "an id with another text", store: "a/1=x", arrives: "a/1=y",
			fail: "-", skip: "a/1=x", replace: "a/1=y", different: "a*/1=x a*/made=y",
		},
		{
			name: "an id of another source", store: "a/1=x a/2=y", arrives: "b/1=z b/3=w",
			fail: "-", skip: "a/1=x a/2=y b/3=w", replace: "a*/2=y b/1=z b/3=w", different: "a/1=x a/2=y b/made=z b/3=w",
		},
		{
			name: "a document of another source", store: "a/1=x", arrives: "b/1=x b/2=y",
			fail: "a/1=x b/2=y", skip: "a/1=x b/2=y", replace: "a/1=x b/2=y", different: "a/1=x b/2=y",
		},
		{
			name: "an id taken and given back", store: "a/1=x", arrives: "b/1=y | a/1=x",
			fail: "-", skip: "a/1=x", replace: "a/1=x", different: "a/1=x b/made=y",
		},
		{
			name: "one document twice", arrives: "a/1=x a/1=x a/2=y a/1=x",
			fail: "a/1=x a/2=y", skip: "a/1=x a/2=y", replace: "a/1=x a/2=y", different: "a/1=x a/2=y",
		},
		{
			name: "one id twice", store: "b/9=z", arrives: "a/1=x a/1=y",
			fail: "-", skip: "-", replace: "-", different: "-",
		},
		{
			name: "an id that was matched and comes with another text", store: "a/1=x", arrives: "a/1=x b/1=y",
			fail: "-", skip: "-", replace: "-", different: "-",
		},
		{
			name: "phases are as merges one after another", store: "a/1=x", arrives: "b/2=y | b/2=y b/3=z | c/4=w",
			fail: "-", skip: "a/1=x b/2=y c/4=w", replace: "a/1=x b/2=y b/3=z c/4=w", different: "a/1=x b*/2=y b*/3=z c/4=w",
		},
		{
			name: "a name that another source has", store: "a/1=x", arrives: "b:a/2=y",
			fail: "a/1=x test://b/2=y", skip: "a/1=x test://b/2=y", replace: "a/1=x test://b/2=y", different: "a/1=x test://b/2=y",
		},
		{
			name: "a name that another newcomer has", arrives: "b:a/1=x c:a/2=y | d:a/3=z",
			fail: "a/1=x test://c/2=y test://d/3=z", skip: "a/1=x test://c/2=y test://d/3=z", replace: "a/1=x test://c/2=y test://d/3=z", different: "a/1=x test://c/2=y test://d/3=z",
		},
		{
			name: "a newcomer that got nothing keeps its name", store: "a/1=x", arrives: "b/1=x | b/2=y",
			fail: "a/1=x b/2=y", skip: "a/1=x b/2=y", replace: "a/1=x b/2=y", different: "a/1=x b/2=y",
		},
		{
			name: "without an id", arrives: "a/=x",
			fail: "-", skip: "-", replace: "-", different: "-",
		},
	}
	for _, test := range tests {
		for policy, want := range map[engine.OnConflict]string{
			engine.OnConflictFail: test.fail, engine.OnConflictSkip: test.skip, engine.OnConflictReplace: test.replace, engine.OnConflictNewID: test.different,
		} {
			s := newShelf(t, test.store)
			told := 0
			given, err := engine.Merge(t.Context(), s, "", snapshots(test.arrives), policy, func(n int) { told += n })
			switch got := s.String(); {
			case want == "-" && (err == nil || !strings.HasPrefix(err.Error(), `merging "other": `)):
				t.Errorf("%s, %s: %s, %v", test.name, policy, got, err)
			case want != "-" && (err != nil || got != want):
				t.Errorf("%s, %s: %s, want %s, %v", test.name, policy, got, want, err)
			case int(given) != told || err == nil && told != len(transfers(strings.ReplaceAll(test.arrives, "|", " "))):
				t.Errorf("%s, %s: %d given, %d told of", test.name, policy, given, told)
			}
		}
	}
}

// TestMergeErrors holds which error tells why nothing is merged.
func TestMergeErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("the file is broken")
	var had, arrive string
	for c := 'z'; c >= 'a'; c-- {
		had += fmt.Sprintf(" %c/%[1]c1=x %[1]c/%[1]c2=y", c)
		arrive += fmt.Sprintf(" %c/%[1]c1=x", c)
	}
	tests := []struct {
		name, store string
		from        engine.Snapshot
		want        string
	}{
		{"an id", "a/1=x", snapshots("b/1=y")[0], `merging "other": id "1" of source "b" has another text or metadata in the store`},
		{"a source", "a/1=x", snapshots("a/2=y")[0], `merging "other": source "a" has other chunks in the store`},
		{"fewer of a source", "a/1=x a/2=y", snapshots("a/1=x")[0], `merging "other": source "a" has other chunks in the store`},
		{"fewer of many sources", had, snapshots(arrive)[0], `merging "other": source "a" has other chunks in the store`},
		{"an id twice", "", snapshots("a/1=x b/1=y")[0], `merging "other": id "1": id is given twice, with another text or metadata`},
		{"no id", "", snapshots("a/=x")[0], `merging "other": a document of source "a" has no id`},
		{"facts", "", engine.Snapshot{Facts: engine.Facts{Dim: 2, Metric: engine.L2}}, "the store has dim 1, not 2"},
		{"a vector", "", engine.Snapshot{Transfers: func(yield func(engine.Transfer, error) bool) {
			yield(engine.Transfer{Document: engine.Document{ID: "1", Vector: []float32{1, 2}}, From: engine.Source{Key: "a"}}, nil)
		}}, `id "1": the store has dim 1, not 2`},
		{"reading", "", engine.Snapshot{Transfers: func(yield func(engine.Transfer, error) bool) { yield(engine.Transfer{}, broken) }}, broken.Error()},
	}
	for _, test := range tests {
		s := newShelf(t, test.store)
		_, err := engine.Merge(t.Context(), s, "", []engine.Snapshot{test.from}, engine.OnConflictFail, func(int) {})
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// Holders ask for no id twice in a page, nor for one that is known to be free.
func TestHoldersAsk(t *testing.T) {
	t.Parallel()
	for store, want := range map[string]int{"": 0, "z/0=x": 5} { // 5: id 5 is known to be free
		s := newShelf(t, store)
		s.free.Learn(s.free.Now(), []string{"5"})
		if _, err := engine.Merge(t.Context(), s, "", snapshots("a/1=x a/2=x a/3=x a/4=x a/5=x a/6=x"), engine.OnConflictSkip, func(int) {}); err != nil || s.looked != want {
			t.Errorf("store %q: %d ids were looked up, %v", store, s.looked, err)
		}
	}
	lost := errors.New("the connection is lost")
	s := newShelf(t, "z/0=x")
	s.LookUp = func(context.Context, []string) (map[string]engine.Holder, error) { return nil, lost }
	if _, err := engine.Merge(t.Context(), s, "", snapshots("a/1=x"), engine.OnConflictSkip, func(int) {}); !errors.Is(err, lost) {
		t.Errorf("an error becomes %v", err)
	}
}
