package store

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/filter"
	"sheaf/internal/words"
)

// prose makes a text of words of which few are frequent.
func prose(random *rand.Rand) string {
	var b strings.Builder
	for range random.IntN(30) {
		fmt.Fprintf(&b, "w%dx ", int(math.Exp(random.Float64()*7)))
	}
	return b.String()
}

// newProse makes a store of documents with random words and vectors, of which some
// are deleted, and with others after it was compacted.
func newProse(t *testing.T, metric engine.Metric) *Writer {
	t.Helper()
	random := rand.New(rand.NewPCG(11, 12))
	w, err := Create(t.Context(), filepath.Join(t.TempDir(), ".sheaf"), engine.Facts{Dim: 4, Metric: metric}, engine.Options{})
	must(t, err)
	t.Cleanup(func() { w.Close() })
	for _, source := range []string{"s", "t", "u"} {
		src := engine.Source{Key: source, Name: source}
		r, err := w.Replace(t.Context(), src)
		must(t, err)
		var dead []string
		for i := range 900 {
			d := engine.Document{ID: fmt.Sprint(source, i), Text: prose(random), Metadata: randomMetadata(random)}
			v := make([]float32, 4)
			for j := range v {
				v[j] = float32(random.NormFloat64())
			}
			must(t, r.Add(t.Context(), d, v, engine.Given))
			if random.IntN(4) == 0 {
				dead = append(dead, d.ID)
			}
		}
		r.Done(src)
		must(t, w.Commit(t.Context()))
		sample{Writer: w}.remove(t, dead)
		if source == "t" {
			_, err := w.Compact(t.Context())
			must(t, err)
		}
	}
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ranked is a document as a comparison with all of them ranks it.
type ranked struct {
	id    string
	score float32
	words float32
	fused float64
}

// everything ranks all documents of a store that match and hold a condition, without
// an index of rows.
func everything(t *testing.T, w *Writer, query []float32, text string, c *words.Condition, o engine.SearchOptions) (all []ranked) {
	t.Helper()
	snap := &snapshot{store: w.Store, state: w.base}
	snap.prepareTexts()
	var r ranking
	var err error
	must(t, w.view(t.Context(), func(tx *tx) error {
		if snap.vectors, err = openVectors(w.dir, tx.state); err != nil {
			return err
		}
		snap.open = tx
		r, err = snap.rank(t.Context(), text)
		return err
	}))
	defer snap.vectors.Close()
	near, err := snap.vectors.flat.Search(t.Context(), query, faiss.Search{K: 1 << 20, Skip: w.base.skip()})
	must(t, err)
	f := &fuser{snap: snap}
	f.sample, err = snap.vectors.flat.Search(t.Context(), query, snap.sample())
	must(t, err)
	fusion, err := f.fusion(0, r, o)
	must(t, err)
	must(t, w.view(t.Context(), func(tx *tx) error {
		matching, err := tx.matching(o.Filter, noLimit)
		for _, hit := range near[0] {
			n, _ := w.base.document(hit.Row)
			if !matching.Contains(uint32(n)) {
				continue
			}
			docs, err := tx.documents([]int64{n})
			if err != nil {
				return err
			}
			if c != nil && !c.Holds(&words.Tokenizer{}, docs[0].Text) {
				continue
			}
			one := ranked{id: docs[0].ID, score: hit.Score}
			if i := n - int64(r.First); i >= 0 && i < int64(len(r.Scores)) {
				one.words = r.Scores[i]
			}
			one.fused = fusion.Score(engine.Similarity(w.base.facts.Metric, hit.Score), float64(one.words))
			all = append(all, one)
		}
		return err
	}))
	slices.SortStableFunc(all, func(a, b ranked) int {
		if o.Mode == engine.ByWords {
			return cmp.Compare(b.words, a.words)
		}
		return cmp.Compare(b.fused, a.fused)
	})
	if o.Mode == engine.ByWords {
		all = slices.DeleteFunc(all, func(r ranked) bool { return r.words == 0 })
	}
	return all[:min(o.K, len(all))]
}

var queryForms = []string{"w%dx w%dx w%dx", "w%dx w%dx w%dx", "\"w%dx\" w%dx w%dx", "\"w1x w%dx\" w%dx w%dx", "w%dx -w%dx w%dx", "w%dx w%dx w%dx -w1x -\"w2x w1x\""}

// Searches by words, and by words and meaning, give what a comparison with all
// documents gives, on whatever way a filter is asked.
func TestRankedIsExact(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(13, 14))
	filters := []*filter.Filter{nil}
	for _, expr := range []string{"a<=2", "a=1", `{"rare": true}`, `{"b": "x"}`, "a>9"} {
		f, err := filter.Parse(expr)
		must(t, err)
		filters = append(filters, f)
	}
	for _, metric := range []engine.Metric{engine.L2, engine.InnerProduct} {
		w := newProse(t, metric)
		for i := range 60 {
			o := engine.SearchOptions{K: []int{1, 5, 40, 400}[i%4], Filter: filters[i%len(filters)], Calibration: engine.Calibration{Words: 7.5}, Mode: engine.ByWords}
			if i%2 == 0 {
				o.Mode = engine.Hybrid
			}
			var queries [][]float32
			for range 3 {
				queries = append(queries, []float32{float32(random.NormFloat64()), 1, 0, float32(random.NormFloat64())})
				asked, err := words.Parse(fmt.Sprintf(queryForms[random.IntN(len(queryForms))], 1+random.IntN(9), 1+random.IntN(90), 1+random.IntN(2000)))
				must(t, err)
				o.Texts, o.Conditions = append(o.Texts, asked.Text), append(o.Conditions, asked.Condition)
			}
			hits, err := w.Search(t.Context(), queries, o)
			must(t, err)
			for q := range queries {
				want := everything(t, w, queries[q], o.Texts[q], o.Conditions[q], o)
				var got []ranked
				for _, h := range hits[q] {
					got = append(got, ranked{h.ID, h.Score, h.Words, h.Fused})
				}
				for j := range want {
					if o.Mode == engine.ByWords {
						want[j].fused = 0
					}
				}
				if !alike(got, want, o.Mode) {
					t.Errorf("%s, %s, k %d, %q:\n got %v\nwant %v", metric, o.Mode, o.K, o.Texts[q], got, want)
				}
			}
		}
	}
}

// alike compares rankings but for the order of equal figures.
func alike(got, want []ranked, mode engine.Mode) bool {
	return slices.EqualFunc(got, want, func(a, b ranked) bool {
		return a == b || mode == engine.ByWords && a.words == b.words
	})
}

// The best document is neither among the nearest nor among the best by words that are looked at first.
func TestTheBestIsLookedFor(t *testing.T) {
	t.Parallel()
	w, err := Create(t.Context(), filepath.Join(t.TempDir(), ".sheaf"), engine.Facts{Dim: 2, Metric: engine.L2}, engine.Options{})
	must(t, err)
	t.Cleanup(func() { w.Close() })
	src := engine.Source{Key: "s", Name: "s"}
	r, err := w.Replace(t.Context(), src)
	must(t, err)
	for i := range engine.FirstFused(1) + 40 {
		must(t, r.Add(t.Context(), engine.Document{ID: fmt.Sprint("near", i), Text: "apart"}, []float32{1, 0}, engine.Given))
	}
	for i := range engine.FirstFused(1)*engine.MoreFused + 40 { // only what is near shows the best in the second look
		must(t, r.Add(t.Context(), engine.Document{ID: fmt.Sprint("wordy", i), Text: "word word"}, []float32{-1, 0}, engine.Given))
	}
	must(t, r.Add(t.Context(), engine.Document{ID: "best", Text: "word word apart"}, []float32{.9, 0}, engine.Given))
	r.Done(src)
	must(t, w.Commit(t.Context()))
	o := engine.SearchOptions{K: 1, Texts: []string{"word"}, Conditions: []*words.Condition{nil}, Calibration: engine.Calibration{Words: 2}, Mode: engine.Hybrid}
	query := []float32{1, 0}
	hits, err := w.Search(t.Context(), [][]float32{query}, o)
	must(t, err)
	want := everything(t, w, query, o.Texts[0], nil, o)
	if h := hits[0][0]; h.ID != "best" || h.ID != want[0].id || h.Fused != want[0].fused || h.Words != want[0].words {
		t.Errorf("%s %v %v, want %v", h.ID, h.Fused, h.Words, want[0])
	}
}

// A query without words, or with none that a document has, is one of meaning alone.
func TestRankedWithoutWords(t *testing.T) {
	t.Parallel()
	w := newProse(t, engine.L2)
	query := [][]float32{{1, 2, 3, 4}}
	nearest, err := w.Search(t.Context(), query, engine.SearchOptions{K: 5})
	must(t, err)
	for _, text := range []string{"", "...", "unheard"} {
		hits, err := w.Search(t.Context(), query, engine.SearchOptions{K: 5, Mode: engine.Hybrid, Texts: []string{text}})
		must(t, err)
		for i, h := range hits[0] {
			if h.ID != nearest[0][i].ID || h.Score != nearest[0][i].Score || h.Words != 0 {
				t.Errorf("%q: %+v, want %+v", text, h, nearest[0][i])
			}
		}
		hits, err = w.Search(t.Context(), query, engine.SearchOptions{K: 5, Mode: engine.ByWords, Texts: []string{text}})
		if err != nil || len(hits) != 1 || len(hits[0]) != 0 {
			t.Errorf("%q by words: %v, %v", text, hits, err)
		}
	}
	hits, err := w.Search(t.Context(), [][]float32{nil}, engine.SearchOptions{K: 5, Mode: engine.ByWords, Texts: []string{"w1x"}})
	if err != nil || len(hits[0]) != 5 || !math.IsNaN(float64(hits[0][0].Score)) || !math.IsNaN(hits[0][0].Relevance) {
		t.Errorf("without a vector: %v, %v", hits, err)
	}
	o := engine.SearchOptions{K: 5, Mode: engine.ByWords, Texts: []string{"w1x"}}
	o.Conditions = []*words.Condition{{Has: new(words.Tokenizer).Query("w2x").Terms}}
	hits, err = w.Search(t.Context(), [][]float32{nil}, o)
	if err != nil || len(hits[0]) != 5 || slices.ContainsFunc(hits[0], func(h engine.Hit) bool { return !strings.Contains(h.Text, "w2x") }) {
		t.Errorf("with a condition and without a vector: %v, %v", hits, err)
	}
}

// Words are found where the first documents are gone from the index.
func TestRankedAfterTheFirstAreGone(t *testing.T) {
	t.Parallel()
	w, err := Create(t.Context(), filepath.Join(t.TempDir(), ".sheaf"), engine.Facts{Dim: 1, Metric: engine.L2}, engine.Options{})
	must(t, err)
	t.Cleanup(func() { w.Close() })
	src := engine.Source{Key: "s", Name: "s"}
	r, err := w.Replace(t.Context(), src)
	must(t, err)
	for i := range 40 {
		d := engine.Document{ID: fmt.Sprint("id", i), Text: fmt.Sprintf("number w%dx", i)}
		must(t, r.Add(t.Context(), d, []float32{float32(i)}, engine.Given))
	}
	r.Done(src)
	must(t, w.Commit(t.Context()))
	var first []string
	for i := range 30 {
		first = append(first, fmt.Sprint("id", i))
	}
	sample{Writer: w}.remove(t, first)
	must(t, w.reindexWords(t.Context()))
	for _, mode := range []engine.Mode{engine.ByWords, engine.Hybrid} {
		o := engine.SearchOptions{K: 10, Mode: mode, Texts: []string{"w35x"}, Explain: true, Calibration: engine.Calibration{Words: 2}}
		hits, err := w.Search(t.Context(), [][]float32{{34}}, o)
		must(t, err)
		h := hits[0][0]
		if h.ID != "id35" || h.Words <= 0 || len(h.Explanation.Words) != 1 || h.Explanation.Words[0].Weight <= 0 {
			t.Errorf("%s: %+v", mode, h)
		}
	}
}

// The index that a snapshot keeps from query to query follows what a writer does meanwhile.
func TestRankedKeepsIndex(t *testing.T) {
	t.Parallel()
	w := newProse(t, engine.L2)
	s, err := Open(t.Context(), w.dir, engine.Options{})
	must(t, err)
	defer s.Close()
	must(t, s.try(t.Context(), func(snap *snapshot) error {
		snap.prepareTexts()
		before, err := snap.rank(t.Context(), "w1x w2x")
		must(t, err)
		kept := snap.index
		again, err := snap.rank(t.Context(), "w1x w2x")
		if err != nil || !reflect.DeepEqual(before, again) || snap.index != kept {
			t.Errorf("a second query: %v, the index was kept: %v", err, snap.index == kept)
		}
		must(t, w.compactWords(t.Context()))
		merged, err := snap.rank(t.Context(), "w1x")
		if err != nil || merged.Best == 0 || snap.index == kept {
			t.Errorf("after a merge: %v, best %v, the index was kept: %v", err, merged.Best, snap.index == kept)
		}
		return nil
	}))
}

// What cannot be answered by words is an error.
func TestRankedErrors(t *testing.T) {
	t.Parallel()
	w := newProse(t, engine.L2)
	query, o := [][]float32{{1, 2, 3, 4}}, engine.SearchOptions{K: 5, Mode: engine.ByWords, Texts: []string{"w1x"}}
	if _, err := w.Search(t.Context(), append(query, query[0]), o); err == nil {
		t.Error("one text and two vectors pass")
	}
	must(t, w.update(t.Context(), func(tx *tx) error { return tx.Exec(`UPDATE words SET count = count - 1`) }))
	if _, err := w.Search(t.Context(), query, o); !errors.Is(err, engine.ErrNotIndexed) {
		t.Errorf("not indexed: %v", err)
	}
	fused := o
	fused.Mode = engine.Hybrid
	if hits, err := w.Search(t.Context(), query, fused); err != nil || len(hits[0]) != 5 || hits[0][0].Words != 0 {
		t.Errorf("by meaning and words that are not indexed: %v, %v", hits, err)
	}
	fused.Conditions = []*words.Condition{{Has: []uint64{1}}}
	if _, err := w.Search(t.Context(), query, fused); !errors.Is(err, engine.ErrNotIndexed) {
		t.Errorf("a condition of words that are not indexed: %v", err)
	}
	must(t, w.update(t.Context(), func(tx *tx) error { return tx.Exec(`UPDATE words SET tokenizer = 0`) }))
	if _, err := w.Search(t.Context(), query, o); !errors.Is(err, engine.ErrNoWords) {
		t.Errorf("no words: %v", err)
	}
	must(t, w.update(t.Context(), func(tx *tx) error {
		bits := []byte{0x80}
		return errors.Join(tx.Exec(`UPDATE words SET tokenizer = ?, count = ?`, words.Version, tx.count),
			tx.Exec(`UPDATE page SET bits = ?, crc = 0`, bits))
	}))
	var format *engine.FormatError
	if _, err := w.Search(t.Context(), query, o); !errors.As(err, &format) || format.Remedy != remedyRepair {
		t.Errorf("damaged: %v", err)
	}
}
