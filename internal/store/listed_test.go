package store_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/filter"
	"sheaf/internal/metadata"
	"sheaf/internal/store"
	"sheaf/internal/words"
)

// topics is how many clusters listedRows has.
const topics = 12

// listedVector is a vector near the centre of a topic.
func listedVector(random *rand.Rand, topic int) []float32 {
	centre := rand.New(rand.NewPCG(uint64(topic), 8))
	v := make([]float32, codedFacts.Dim)
	for j := range v {
		v[j] = float32(centre.NormFloat64() + 0.6*random.NormFloat64())
	}
	return v
}

// listedRows are documents of topics, which their metadata name, from number first up to end;
// with a tenth that has nothing to do with the topic.
func listedRows(first, end int) (all []engine.Transfer) {
	for i := first; i < end; i++ {
		v := listedVector(rand.New(rand.NewPCG(uint64(i), 7)), i%topics)
		d := transfer(fmt.Sprint("id-", i), fmt.Sprint("document ", i), fmt.Sprintf("s%d-%d.txt", first, i/40), v)
		d.Metadata = metadata.Raw(fmt.Appendf(nil, `{"topic":%d,"tenth":%d}`, i%topics, i/topics%10))
		all = append(all, d)
	}
	return all
}

// listedStore makes a store of n documents in lists.
func listedStore(t *testing.T, f engine.Facts, n int) (*store.Writer, string) {
	t.Helper()
	w, dir := create(t, f)
	w.ForceCodes()
	_, err := importInto(t.Context(), w, transfers(listedRows(0, n)...), engine.OnConflictFail)
	must(t, err)
	_, err = w.MakeLists(t.Context(), 0.9, engine.Moved, nil, 200)
	must(t, err)
	return w, dir
}

// listsOf is what a store says of its lists.
func listsOf(t *testing.T, dir string) *engine.Lists {
	t.Helper()
	info, err := open(t, dir).Info(t.Context())
	must(t, err)
	return info.Lists
}

// asked are the questions of these tests, some of them between topics.
func asked(n int) (all [][]float32) {
	random := rand.New(rand.NewPCG(1, 9))
	for i := range n {
		all = append(all, listedVector(random, i%(topics+2)))
	}
	return all
}

// recallOf is the mean share of the exact answers that a search for a recall finds, and the
// mean share of the rows that it looks at.
func recallOf(t *testing.T, dir string, k int, recall float64) (found, looked float64) {
	t.Helper()
	return filteredRecallOf(t, dir, nil, k, recall)
}

// filteredRecallOf is recallOf with a filter. Questions are asked one by one: for many it pays
// to find all that matches.
func filteredRecallOf(t *testing.T, dir string, f *filter.Filter, k int, recall float64) (found, looked float64) {
	t.Helper()
	s := open(t, dir)
	s.PreferCodes()
	queries := asked(100)
	for q := range queries {
		query := queries[q : q+1]
		exact, err := s.Search(t.Context(), query, engine.SearchOptions{K: k, Filter: f})
		must(t, err)
		share := 1.0
		hits, err := s.Search(t.Context(), query, engine.SearchOptions{K: k, Filter: f, Recall: recall, Looked: func(_ int, vectors, of int64) {
			share = float64(vectors) / float64(of)
		}})
		must(t, err)
		if len(hits[0]) != len(exact[0]) {
			t.Errorf("query %d has %d hits of %d", q, len(hits[0]), len(exact[0]))
		}
		for _, hit := range hits[0] {
			if slices.ContainsFunc(exact[0], func(h engine.Hit) bool { return h.ID == hit.ID && h.Score == hit.Score }) {
				found += 1 / float64(len(exact[0]))
			}
		}
		looked += share
		untold, err := s.Search(t.Context(), query, engine.SearchOptions{K: k, Filter: f, Recall: recall})
		must(t, err)
		if diff := cmp.Diff(hits, untold); diff != "" {
			t.Errorf("where nobody asks how many rows are looked at: %s", diff)
		}
	}
	n := float64(len(queries))
	return math.Round(1e6*found/n) / 1e6, math.Round(1e6*looked/n) / 1e6
}

// Lists keep their promise as rows are added, deleted and compacted, and a search that asks
// for no recall is exact all the while.
func TestListsFollow(t *testing.T) {
	t.Parallel()
	const n = 1600
	w, dir := listedStore(t, codedFacts, n)
	holds := func(what string, rows, tail, gone int64, stale bool) {
		t.Helper()
		if diff := cmp.Diff(plainAnswers(t, dir), answersOf(t, dir)); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
		if l := listsOf(t, dir); l == nil || l.File == "" || l.Rows != rows || l.Tail != tail || l.Gone != gone || l.Stale != stale {
			t.Errorf("%s: %+v", what, l)
		}
		found, looked := recallOf(t, dir, 10, 0.9)
		if t.Logf("%s: recall %.3f, %.2f of the rows", what, found, looked); found < 0.87 || looked > 0.6 {
			t.Errorf("%s: recall %.3f by looking at %.2f of the rows", what, found, looked)
		}
	}
	holds("made", n, 0, 0, false)
	l := listsOf(t, dir)
	if l.Lists != n/16 || l.Promise != 0.9 || l.Sample != engine.Moved || l.Questions != 200 || l.K != 10 || l.Recall < 0.85 || l.Low > l.Recall || l.High < l.Recall || l.Looked >= l.Lists || l.Read >= 0.6 {
		t.Errorf("%+v", l)
	}
	for i := n; i < n+56; i++ {
		_, err := importInto(t.Context(), w, transfers(listedRows(i, i+1)...), engine.OnConflictFail)
		must(t, err)
	}
	_, err := w.Compact(t.Context())
	must(t, err)
	holds("56 more, one by one", n, 56, 0, false)
	for i := range 24 {
		deleteIDs(t, w, fmt.Sprint("id-", 7*i))
	}
	holds("24 less, one by one", n, 56, 24, false)
	_, err = importInto(t.Context(), w, transfers(listedRows(n+56, n+72)...), engine.OnConflictFail)
	must(t, err)
	holds("more than a twentieth came or went", n, 72, 24, true)
	_, err = w.Compact(t.Context())
	must(t, err)
	holds("compacted", n+48, 0, 0, false)
	_, err = importInto(t.Context(), w, transfers(listedRows(n+72, n+172)...), engine.OnConflictFail)
	must(t, err)
	holds("more than a twentieth came", n+48, 100, 0, true)
	_, err = w.Compact(t.Context())
	must(t, err)
	holds("compacted where no row went", n+144, 4, 0, false)
	must(t, w.DropLists(t.Context()))
	if l := listsOf(t, dir); l != nil {
		t.Errorf("after they were dropped: %+v", l)
	}
	if found, looked := recallOf(t, dir, 10, 0.9); found < 1 || looked < 1 {
		t.Errorf("without lists: recall %v, %v of the rows", found, looked)
	}
	must(t, w.Close())
	if got := kinds(t, dir); got != nil {
		t.Errorf("without lists: problems of the kinds %q", got)
	}
}

// However documents come and go, the lists are called stale before a tenth of the rows is in
// none of them, and until then they keep their promise. compact puts the rows into lists.
func TestListsAreStaleBeforeManyRowsAreInNone(t *testing.T) {
	t.Parallel()
	w, dir := listedStore(t, codedFacts, 1600)
	random := rand.New(rand.NewPCG(3, 4))
	next, oldest, made := 1600, 0, 0
	for range 24 {
		added, deleted := random.IntN(40), random.IntN(8)
		_, err := importInto(t.Context(), w, transfers(listedRows(next, next+added)...), engine.OnConflictFail)
		must(t, err)
		next += added
		for range deleted {
			deleteIDs(t, w, fmt.Sprint("id-", oldest))
			oldest += 1 + random.IntN(3)
		}
		info, err := open(t, dir).Info(t.Context())
		must(t, err)
		l := info.Lists
		if rows := l.Rows + l.Tail; l.Stale != (20*(l.Tail+l.Gone) > rows) || !l.Stale && 10*l.Tail > rows {
			t.Errorf("%+v", l)
		}
		if !l.Stale {
			continue
		}
		if found, looked := recallOf(t, dir, 10, 0.9); found < 0.87 || looked > 0.6 {
			t.Errorf("recall %.3f by looking at %.2f of the rows when stale: %+v", found, looked, l)
		}
		_, err = w.Compact(t.Context())
		must(t, err)
		if l := listsOf(t, dir); l.Stale || l.Gone != 0 || l.Tail >= 16 {
			t.Errorf("compacted: %+v", l)
		}
		made++
	}
	if made < 2 {
		t.Errorf("the lists were made anew %d times", made)
	}
}

// A promise of 1 is the exact answer, and so is one with a condition, one by words with a
// filter, and one for more hits than the promise was measured for, whatever it promises. An
// answer is never short, also where a filter lets through only what is far from the query, all
// of it matches, and it is exact unless it says that it is not.
func TestRecallOfOneIsExact(t *testing.T) {
	t.Parallel()
	inner := codedFacts
	inner.Metric = engine.InnerProduct
	cosine := codedFacts
	cosine.Metric = engine.Cosine
	var stores []*store.Store
	for i, f := range []engine.Facts{codedFacts, inner, cosine} { // the last two changed since lists were made
		w, dir := listedStore(t, f, 700)
		_, err := importInto(t.Context(), w, transfers(listedRows(700, 700+25*i)...), engine.OnConflictFail)
		must(t, err)
		for j := range 150 * i {
			deleteIDs(t, w, fmt.Sprint("id-", 2*j))
		}
		must(t, w.Close())
		s := open(t, dir)
		s.PreferCodes()
		stores = append(stores, s)
	}
	queries := asked(30)
	rapid.Check(t, func(r *rapid.T) {
		s := rapid.SampledFrom(stores).Draw(r, "store")
		o := engine.SearchOptions{K: rapid.IntRange(1, 300).Draw(r, "k"), Mode: rapid.SampledFrom([]engine.Mode{engine.ByVector, engine.Hybrid}).Draw(r, "mode")}
		q := rapid.IntRange(0, len(queries)-1).Draw(r, "query")
		o.Texts = []string{"document"}
		conditional := rapid.Bool().Draw(r, "with a condition") && o.Mode == engine.Hybrid
		if conditional {
			o.Conditions = []*words.Condition{condition(r)}
		}
		approximate := rapid.SampledFrom([]float64{0.5, 0.9, 1}).Draw(r, "recall")
		exactly := approximate == 1 || o.K > 256 || conditional
		if rapid.Bool().Draw(r, "filtered") {
			o.Filter = drawFilter(r)
			exactly = exactly || o.Mode == engine.Hybrid
		}
		want, err := s.Search(t.Context(), queries[q:q+1], o)
		must(t, err)
		told := false
		o.Recall, o.Looked = approximate, func(int, int64, int64) { told = true }
		got, err := s.Search(t.Context(), queries[q:q+1], o)
		must(t, err)
		if len(got[0]) != len(want[0]) || exactly && told {
			r.Fatalf("%d hits of %d, told that it is not exact: %v", len(got[0]), len(want[0]), told)
		}
		if diff := cmp.Diff(want, got); !told && diff != "" {
			r.Fatal(diff)
		}
		for _, hit := range got[0] {
			if ok, err := o.Filter.Match(hit.Metadata.JSON()); err != nil || !ok {
				r.Fatalf("%s does not match, %v", hit.ID, err)
			}
		}
	})
}

// condition asks for a word that each document has, alone or with one that few have.
func condition(r *rapid.T) *words.Condition {
	text := `"document"`
	if rapid.Bool().Draw(r, "few") {
		text += fmt.Sprintf(` "%d"`, rapid.IntRange(0, 700).Draw(r, "number"))
	}
	query, err := words.Parse(text)
	if err != nil {
		r.Fatal(err)
	}
	return query.Condition
}

// drawFilter draws one that lets some topics through, which lie together, or some tenths, which
// lie everywhere.
func drawFilter(r *rapid.T) *filter.Filter {
	field := rapid.SampledFrom([]string{"topic", "tenth"}).Draw(r, "field")
	return parsed(r, fmt.Sprintf("%s<=%d", field, rapid.IntRange(0, topics-1).Draw(r, "value")))
}

func parsed(t rapid.TB, expr string) *filter.Filter {
	f, err := filter.Parse(expr)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A filter keeps the promise, whether it has nothing to do with what is near or lets through
// some topics and no others. Where lists hold too few that match, all rows are searched.
func TestListsWithFilters(t *testing.T) {
	t.Parallel()
	w, dir := listedStore(t, codedFacts, 9600)
	must(t, w.Close())
	for expr, most := range map[string]float64{"tenth=1": 0.6, "tenth>=5": 0.6, "tenth!=1": 0.6, "topic>=6": 0.9, "topic!=5": 0.9, "topic=3": 1} {
		found, looked := filteredRecallOf(t, dir, parsed(t, expr), 5, 0.9)
		if t.Logf("%s: recall %.3f by %.2f of the rows", expr, found, looked); found < 0.9 || looked > most {
			t.Errorf("%s: recall %.3f by looking at %.2f of the rows", expr, found, looked)
		}
	}
}

// Where lists hold fewer rows than a query wants, because most of these were deleted, the
// search looks at all.
func TestListsOfDeletedRows(t *testing.T) {
	t.Parallel()
	w, dir := listedStore(t, codedFacts, 600)
	var gone []string
	for i := range 600 {
		if i%topics != 3 {
			gone = append(gone, fmt.Sprint("id-", i))
		}
	}
	deleteIDs(t, w, gone...)
	must(t, w.Close())
	if found, _ := recallOf(t, dir, 10, 0.5); found < 0.5 {
		t.Errorf("recall %v", found)
	}
	if found, looked := recallOf(t, dir, 50, 0.5); found != 1 || looked != 1 {
		t.Errorf("all that is left is wanted: recall %v, %v of the rows", found, looked)
	}
}

// More queries than share a pass look at lists of their own.
func TestManyQueriesByLists(t *testing.T) {
	t.Parallel()
	w, dir := listedStore(t, codedFacts, 600)
	must(t, w.Close())
	s := open(t, dir)
	s.PreferCodes()
	queries := asked(faiss.MaxQueries + 30)
	o := engine.SearchOptions{K: 3, Recall: 0.9}
	looked := map[int]int64{}
	o.Looked = func(q int, vectors, _ int64) { looked[q] = vectors }
	hits, err := s.Search(t.Context(), queries, o)
	must(t, err)
	last := faiss.MaxQueries + 20
	var alone int64
	o.Looked = func(_ int, vectors, _ int64) { alone = vectors }
	one, err := s.Search(t.Context(), queries[last:last+1], o)
	must(t, err)
	if diff := cmp.Diff(one[0], hits[last]); diff != "" || looked[last] != alone {
		t.Errorf("%d rows are looked at, %d for the query alone: %s", looked[last], alone, diff)
	}
}

// Where most rows went, the nearest of those that are left lie further away, and more lists
// are looked at for them.
func TestListsHoldWhereMostRowsWent(t *testing.T) {
	t.Parallel()
	const n = 2400
	w, dir := listedStore(t, codedFacts, n)
	_, before := recallOf(t, dir, 10, 0.9)
	var gone []string
	for i := range n {
		if i/topics%8 != 0 {
			gone = append(gone, fmt.Sprint("id-", i))
		}
	}
	deleteIDs(t, w, gone...)
	must(t, w.Close())
	found, looked := recallOf(t, dir, 10, 0.9)
	if t.Logf("recall %.3f by %.2f of the rows, %.2f before", found, looked, before); found < 0.95 || looked < 1.5*before {
		t.Errorf("recall %.3f by looking at %.2f of the rows, %.2f before", found, looked, before)
	}
	if l := listsOf(t, dir); !l.Stale || l.Gone != int64(len(gone)) {
		t.Errorf("%+v", l)
	}
}

// Questions of users make lists, and what is wrong with them is told.
func TestMakeListsRefuses(t *testing.T) {
	t.Parallel()
	w, dir := create(t, codedFacts)
	w.ForceCodes()
	if _, err := w.MakeLists(t.Context(), 0.9, engine.Moved, nil, 10); !errors.Is(err, engine.ErrFewRows) {
		t.Errorf("of an empty store: %v", err)
	}
	small, _ := create(t, codedFacts)
	small.ForceCodes()
	_, err := importInto(t.Context(), small, transfers(listedRows(0, 16)...), engine.OnConflictFail)
	must(t, err)
	if l, err := small.MakeLists(t.Context(), 0.9, engine.Moved, nil, 10); err != nil || l.Rows != 16 {
		t.Errorf("of as few rows as have codes: %+v, %v", l, err)
	}
	for _, d := range listedRows(0, 16) {
		deleteIDs(t, small, d.ID)
	}
	if _, err := small.MakeLists(t.Context(), 0.9, engine.Moved, nil, 10); err == nil {
		t.Error("no error where all documents are deleted")
	}
	_, err = importInto(t.Context(), w, transfers(listedRows(0, 320)...), engine.OnConflictFail)
	must(t, err)
	var mismatch *engine.MismatchError
	if _, err := w.MakeLists(t.Context(), 0.9, engine.Asked, [][]float32{{1, 2}}, 0); !errors.As(err, &mismatch) {
		t.Errorf("questions of another dim: %v", err)
	}
	if _, err := w.MakeLists(t.Context(), 0.9, engine.Asked, nil, 0); err == nil {
		t.Error("no error without questions")
	}
	codesFile(t, dir) // the only one
	if l := listsOf(t, dir); l != nil {
		t.Errorf("%+v", l)
	}
	l, err := w.MakeLists(t.Context(), 0.9, engine.Asked, asked(150), 0)
	if err != nil || l.Sample != engine.Asked || l.Questions != 150 {
		t.Errorf("%+v, %v", l, err)
	}
	must(t, w.Close())
	if got := kinds(t, dir); got != nil {
		t.Errorf("problems of the kinds %q", got)
	}
}

// Lists that are missing, damaged or of other codes are not read; check tells of the first
// two, and repair removes them.
func TestListsThatDoNotFit(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		spoil func(dir, file string) error
		kinds []string
		again bool // the next compact makes them anew
	}{
		"missing":       {func(_, file string) error { return os.Remove(file) }, []string{store.ProblemSlow}, false},
		"cut":           {func(_, file string) error { return os.Truncate(file, 3000) }, []string{store.ProblemSlow}, false},
		"damaged":       {func(_, file string) error { return flip(file, 500) }, []string{store.ProblemSlow}, false},
		"compacted":     {func(_, file string) error { return os.Truncate(file, 3000) }, []string{store.ProblemSlow}, false},
		"other codes":   {func(dir, _ string) error { return os.Remove(codesFile(t, dir)) }, []string{store.ProblemSlow}, true},
		"damaged codes": {func(dir, _ string) error { return flip(codesFile(t, dir), 5000) }, []string{store.ProblemCodes}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, dir := listedStore(t, codedFacts, 320)
			must(t, w.Close())
			files, err := filepath.Glob(filepath.Join(dir, "lists.*.sidecar"))
			must(t, err)
			must(t, tt.spoil(dir, files[0]))
			if name != "damaged codes" {
				if found, looked := recallOf(t, dir, 10, 0.5); found != 1 || looked != 1 {
					t.Errorf("recall %v, %v of the rows", found, looked)
				}
				var why error
				_, err := open(t, dir).Search(t.Context(), asked(1), engine.SearchOptions{K: 1, Recall: 0.5, Lost: func(err error) { why = err }})
				if must(t, err); why == nil || (name == "other codes") != strings.Contains(why.Error(), "the codes of its rows") {
					t.Errorf("a search says that it has lost the lists for: %v", why)
				}
				if l := listsOf(t, dir); l == nil || (l.Damage == nil) != tt.again {
					t.Errorf("%+v", l)
				}
			}
			if got := kinds(t, dir); !slices.Equal(got, tt.kinds) {
				t.Errorf("problems of the kinds %q", got)
			}
			if tt.again || name == "compacted" {
				compactAll(t, dir)
			} else {
				_, err = store.Repair(t.Context(), dir, engine.Options{})
				must(t, err)
			}
			if got := kinds(t, dir); got != nil {
				t.Errorf("mended: problems of the kinds %q", got)
			}
			if l := listsOf(t, dir); tt.again != (l != nil && l.File != "") {
				t.Errorf("mended: %+v", l)
			}
			if diff := cmp.Diff(plainAnswers(t, dir), answersOf(t, dir)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// compactAll compacts a store by a writer that makes codes.
func compactAll(t *testing.T, dir string) {
	t.Helper()
	w, err := store.OpenWriter(t.Context(), dir, engine.Options{})
	must(t, err)
	w.ForceCodes()
	_, err = w.Compact(t.Context())
	must(t, err)
	must(t, w.Close())
}
