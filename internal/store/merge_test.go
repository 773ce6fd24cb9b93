package store_test

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/engine"
	"sheaf/internal/faiss/faisstest"
	"sheaf/internal/metadata"
	"sheaf/internal/store"
)

// ids lists the ids of a store in the order of insertion.
func ids(t *testing.T, s *store.Store) (all []string) {
	t.Helper()
	for _, d := range list(t, s, engine.ListOptions{}) {
		all = append(all, d.ID)
	}
	return all
}

func TestMergeAddsWhatIsNew(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	replace(t, w, "a.txt", doc("1", "one"), doc("2", "two"))
	commit(t, w)
	other, otherDir := create(t, facts)
	replace(t, other, "b.txt", doc("3", "three"))
	replace(t, other, "c.txt", doc("1", "one"), doc("4", "four"))
	commit(t, other)

	got, err := mergeStores(t.Context(), w, []*store.Store{open(t, otherDir)}, engine.OnConflictFail)
	if want := (engine.Merged{Added: 2, Skipped: 1}); err != nil || got != want {
		t.Fatalf("%+v, %v; want %+v", got, err, want)
	}
	s := open(t, dir)
	if diff := cmp.Diff([]string{"1", "2", "3", "4"}, ids(t, s)); diff != "" {
		t.Error(diff)
	}
	for _, d := range list(t, s, engine.ListOptions{WithVectors: true}) {
		if !slices.Equal(d.Vector, vector(d.Text)) {
			t.Errorf("id %q has another text's vector", d.ID)
		}
	}
	info, err := s.Info(t.Context())
	if err != nil || info.Sources != 3 || info.Documents != 4 {
		t.Errorf("%d sources, %d documents, %v; want 3 and 4", info.Sources, info.Documents, err)
	}
}

// conflicting makes a store that has source s with documents 1 and 2 and one
// with ids in another state, and returns a writer of the first.
func conflicting(t *testing.T) (w *store.Writer, other *store.Store) {
	project := t.TempDir()
	made := func(name string, f func(*store.Writer)) string {
		dir := filepath.Join(project, name)
		w, err := store.Create(t.Context(), dir, facts, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		f(w)
		commit(t, w)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	// Both stores lie in one folder, so that a key means the same source in both.
	mine := made("mine", func(w *store.Writer) {
		replace(t, w, "s", doc("1", "one"), doc("2", "two"))
		replace(t, w, "own", doc("9", "nine"))
	})
	theirs := made("theirs", func(w *store.Writer) {
		replace(t, w, "s", doc("1", "one"), doc("2", "changed"), doc("3", "three"))
		replace(t, w, "new", doc("9", "other nine"), doc("5", "five"))
	})
	w, err := store.OpenWriter(t.Context(), mine, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w, open(t, theirs)
}

func TestMergePolicies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		policy  engine.OnConflict
		merged  engine.Merged
		texts   []string
		sources map[string]int64
	}{
		{engine.OnConflictSkip, engine.Merged{Added: 1, Skipped: 4}, []string{"one", "two", "nine", "five"}, map[string]int64{"s": 2, "own": 1, "new": 1}},
		{engine.OnConflictReplace, engine.Merged{Added: 4, Skipped: 1, Replaced: 2}, []string{"one", "changed", "three", "other nine", "five"}, map[string]int64{"s": 3, "new": 2}},
		{engine.OnConflictNewID, engine.Merged{Added: 4, Skipped: 1}, []string{"one", "two", "nine", "changed", "three", "other nine", "five"}, map[string]int64{"s": 4, "own": 1, "new": 2}},
	} {
		t.Run(string(c.policy), func(t *testing.T) {
			t.Parallel()
			w, other := conflicting(t)
			got, err := mergeStores(t.Context(), w, []*store.Store{other}, c.policy)
			if err != nil || got != c.merged {
				t.Fatalf("%+v, %v; want %+v", got, err, c.merged)
			}
			s := open(t, w.Dir())
			var texts []string
			seen := map[string]bool{}
			for _, d := range list(t, s, engine.ListOptions{WithVectors: true}) {
				texts = append(texts, d.Text)
				if seen[d.ID] {
					t.Errorf("id %q is there twice", d.ID)
				}
				seen[d.ID] = true
				if !slices.Equal(d.Vector, vector(d.Text)) {
					t.Errorf("%q has another text's vector", d.Text)
				}
			}
			if diff := cmp.Diff(c.texts, texts); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.sources, sources(t, s)); diff != "" {
				t.Error(diff)
			}
			again, err := mergeStores(t.Context(), w, []*store.Store{other}, c.policy)
			if err != nil || again.Added != 0 || again.Replaced != 0 {
				t.Errorf("merged again: %+v, %v; want nothing added", again, err)
			}
		})
	}
}

// sources maps the names of a store's sources to their numbers of documents.
func sources(t *testing.T, s *store.Store) map[string]int64 {
	t.Helper()
	all := map[string]int64{}
	for src, err := range s.Sources(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		all[src.Name] = src.Documents
	}
	return all
}

func TestMergeFailsWhole(t *testing.T) {
	t.Parallel()
	w, other := conflicting(t)
	before := list(t, open(t, w.Dir()), engine.ListOptions{WithVectors: true})
	_, err := mergeStores(t.Context(), w, []*store.Store{other}, engine.OnConflictFail)
	var conflict *engine.ConflictError
	if !errors.As(err, &conflict) || conflict.ID != "2" || conflict.Source != "s" {
		t.Errorf("%v; want a conflict of id 2 of source s", err)
	}
	if diff := cmp.Diff(before, list(t, open(t, w.Dir()), engine.ListOptions{WithVectors: true})); diff != "" {
		t.Errorf("the store changed: %s", diff)
	}
	replace(t, w, "s", doc("1", "one")) // the writer goes on
	commit(t, w)
	if diff := cmp.Diff([]string{"1", "9"}, ids(t, w.Store)); diff != "" {
		t.Error(diff)
	}
}

func TestMergeOfAPartOfASourceIsAConflict(t *testing.T) {
	t.Parallel()
	project := t.TempDir()
	var dirs []string
	for i, docs := range [][]engine.Document{{doc("1", "one"), doc("2", "two")}, {doc("1", "one")}} {
		dir := filepath.Join(project, fmt.Sprint(i))
		w, err := store.Create(t.Context(), dir, facts, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		replace(t, w, "s", docs...)
		commit(t, w)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, dir)
	}
	w, err := store.OpenWriter(t.Context(), dirs[0], engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	_, err = mergeStores(t.Context(), w, []*store.Store{open(t, dirs[1])}, engine.OnConflictFail)
	var conflict *engine.ConflictError
	if !errors.As(err, &conflict) || conflict.ID != "" || conflict.Source != "s" {
		t.Errorf("%v; want a conflict of source s", err)
	}
}

func TestMergeOfASourceThatGrewIsAConflict(t *testing.T) {
	t.Parallel()
	type content = map[string][]engine.Document
	w, others := made(t, content{"s": {doc("1", "one")}}, content{"s": {doc("1", "one"), doc("2", "two")}})
	_, err := mergeStores(t.Context(), w, others, engine.OnConflictFail)
	var conflict *engine.ConflictError
	if !errors.As(err, &conflict) || conflict.ID != "" || conflict.Source != "s" {
		t.Errorf("%v; want a conflict of source s", err)
	}
	if got := ids(t, w.Store); !slices.Equal(got, []string{"1"}) {
		t.Errorf("the store has %q", got)
	}
}

// A store that lost all that it had goes on as any other: numbers of documents do not come again.
func TestMergeIntoAStoreThatLostAll(t *testing.T) {
	t.Parallel()
	w, others := made(t, map[string][]engine.Document{"s": {doc("1", "one"), doc("2", "two")}}, map[string][]engine.Document{"o": {doc("3", "three")}})
	before, err := w.Info(t.Context())
	must(t, err)
	deleteIDs(t, w, "1", "2")
	merged, err := mergeStores(t.Context(), w, others, engine.OnConflictFail)
	if err != nil || merged.Added != 1 {
		t.Errorf("%+v, %v", merged, err)
	}
	after, err := w.Info(t.Context())
	if err != nil || after.Generation <= before.Generation || after.DeadRows != 2 {
		t.Errorf("%+v, %v", after, err)
	}
	if docs := list(t, w.Store, engine.ListOptions{WithVectors: true}); len(docs) != 1 || !slices.Equal(docs[0].Vector, vector("three")) {
		t.Errorf("%v", docs)
	}
	sound(t, w)
}

func TestMergeManyIsAllOrNothing(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	replace(t, w, "a.txt") // committed once, a writer outlives a merge that failed
	commit(t, w)
	first, firstDir := create(t, facts)
	replace(t, first, "b.txt", doc("1", "one"))
	commit(t, first)
	second, secondDir := create(t, facts)
	replace(t, second, "c.txt", doc("1", "not one"))
	commit(t, second)
	stores := []*store.Store{open(t, firstDir), open(t, secondDir)}
	if _, err := mergeStores(t.Context(), w, stores, engine.OnConflictFail); err == nil {
		t.Error("two stores with different documents of one id were merged")
	}
	if got := ids(t, open(t, dir)); got != nil {
		t.Errorf("the store has %v; want nothing", got)
	}
	got, err := mergeStores(t.Context(), w, stores, engine.OnConflictReplace)
	if want := (engine.Merged{Added: 1, Skipped: 1}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if docs := list(t, open(t, dir), engine.ListOptions{}); len(docs) != 1 || docs[0].Text != "not one" {
		t.Errorf("the store has %v; want the second store's document", docs)
	}
	if _, found, err := w.SourceByKey(t.Context(), "a.txt"); err != nil || !found {
		t.Errorf("a source that had no document: found %v, %v", found, err)
	}
}

func TestMergeRefuses(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	refused := func(name string, f engine.Facts, want string) {
		other, _ := create(t, f)
		_, err := mergeStores(t.Context(), w, []*store.Store{other.Store}, engine.OnConflictSkip)
		var mismatch *engine.MismatchError
		if !errors.As(err, &mismatch) || mismatch.Fact != want {
			t.Errorf("%s: %v; want a mismatch of %s", name, err, want)
		}
	}
	f := facts
	f.Dim = 4
	refused("another dim", f, "dim")
	f = facts
	f.Metric = engine.InnerProduct
	refused("another metric", f, "metric")
	f = facts
	f.Embedder = ""
	refused("no embedder", f, "embedder")
	f = facts
	f.Fingerprint = "2"
	refused("another version of the embedder", f, "embedder")
	f = facts
	f.Normalize = true
	refused("normalized vectors", f, "normalize")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if !store.Same(dir, link) || store.Same(dir, t.TempDir()) || store.Same(t.TempDir(), dir) {
		t.Error("Same does not tell stores apart by their files")
	}
}

func transfers(all ...engine.Transfer) iter.Seq2[engine.Transfer, error] {
	return func(yield func(engine.Transfer, error) bool) {
		for _, tr := range all {
			if !yield(tr, nil) {
				return
			}
		}
	}
}

func transfer(id, text, source string, v []float32) engine.Transfer {
	return engine.Transfer{Document: engine.Document{
		ID: id, Text: text, Metadata: metadata.Raw([]byte(`{}`)), StartIndex: -1, Vector: v,
	}, From: engine.Source{Key: source, Name: source}}
}

func TestImportRefuses(t *testing.T) {
	t.Parallel()
	good := transfer("1", "one", "s", []float32{1, 2, 3})
	for name, bad := range map[string]engine.Transfer{
		"dim":          transfer("2", "two", "s", []float32{1, 2}),
		"no id":        transfer("", "two", "s", []float32{1, 2, 3}),
		"id twice":     transfer("1", "two", "s", []float32{1, 2, 3}),
		"no vector":    transfer("2", "two", "s", nil),
		"not finite":   transfer("2", "two", "s", []float32{1, 2, float32(math.Inf(1))}),
		"bad metadata": {Document: engine.Document{ID: "2", Metadata: metadata.Raw([]byte(`[]`)), Vector: []float32{1, 2, 3}}, From: good.From},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, dir := create(t, facts)
			if _, err := importInto(t.Context(), w, transfers(good, bad), engine.OnConflictReplace); err == nil {
				t.Error("it was imported")
			}
			if got := ids(t, open(t, dir)); got != nil {
				t.Errorf("the store has %v; want nothing", got)
			}
		})
	}
}

func TestImportedUnitVectorsKeepEveryBit(t *testing.T) {
	t.Parallel()
	f := facts
	f.Metric = engine.Cosine
	w, dir := create(t, f)
	if _, err := importInto(t.Context(), w, transfers(transfer("1", "a", "s", []float32{1, 2, 3}), transfer("2", "b", "s", []float32{-0.3, 0.2, 7})), engine.OnConflictFail); err != nil {
		t.Fatal(err)
	}
	again, againDir := create(t, f)
	if _, err := mergeStores(t.Context(), again, []*store.Store{open(t, dir)}, engine.OnConflictFail); err != nil {
		t.Fatal(err)
	}
	o := engine.ListOptions{WithVectors: true}
	if diff := cmp.Diff(list(t, open(t, dir), o), list(t, open(t, againDir), o), anyKey); diff != "" {
		t.Error(diff)
	}
}

func TestMergedSourcesAreNamedApart(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	replace(t, w, "README.md", doc("1", "mine"))
	commit(t, w)
	other, otherDir := create(t, facts)
	replace(t, other, "README.md", doc("2", "theirs"))
	commit(t, other)
	if _, err := mergeStores(t.Context(), w, []*store.Store{open(t, otherDir)}, engine.OnConflictFail); err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{"README.md": 1, filepath.Join(filepath.Dir(otherDir), "README.md"): 1}
	if diff := cmp.Diff(want, sources(t, open(t, dir))); diff != "" {
		t.Error(diff)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	replace(t, w, "docs/a.txt", doc("1", "one"), doc("2", "two"))
	replace(t, w, "docs/deep/b.txt", doc("3", "three"))
	replace(t, w, "c.md", doc("4", "four"), doc("5", "five"))
	commit(t, w)

	set, missing, err := w.SelectIDs(t.Context(), []string{"2", "none", "3", "2"})
	if err != nil || set.Len() != 2 || !slices.Equal(missing, []string{"none"}) {
		t.Fatalf("%d documents, missing %q, %v", set.Len(), missing, err)
	}
	if err := w.Delete(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	if diff := cmp.Diff([]string{"1", "4", "5"}, ids(t, s)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int64{"docs/a.txt": 1, "c.md": 2}, sources(t, s)); diff != "" {
		t.Error(diff)
	}
	src, found, err := s.SourceByKey(t.Context(), "docs/a.txt")
	if err != nil || !found || len(src.Hash) != 0 {
		t.Errorf("%+v, %v, %v; want a source that is read again", src, found, err)
	}
	hits, err := s.Search(t.Context(), [][]float32{vector("two")}, engine.SearchOptions{K: 5})
	if err != nil || len(hits[0]) != 3 {
		t.Errorf("%d hits, %v; want 3", len(hits[0]), err)
	}

	set, err = w.Select(t.Context(), engine.Selection{Filter: parse(t, "source~docs/**")})
	if err != nil || set.Len() != 1 {
		t.Errorf("%d documents below docs, %v; want 1", set.Len(), err)
	}
	var got []string
	for id, err := range w.IDs(t.Context(), set) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, id)
	}
	if !slices.Equal(got, []string{"1"}) {
		t.Errorf("ids %q; want 1", got)
	}
}

func TestCompact(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	var docs []engine.Document
	for i := range 500 {
		d := doc(fmt.Sprint(i), fmt.Sprintf("text %d", i))
		d.Metadata = metadata.Raw(fmt.Appendf(nil, `{"i":%d}`, i))
		docs = append(docs, d)
	}
	replace(t, w, "a.txt", docs...)
	commit(t, w)
	var odd []string
	for i := 1; i < 500; i += 2 {
		odd = append(odd, fmt.Sprint(i))
	}
	set, _, err := w.SelectIDs(t.Context(), odd)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Delete(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	reader := open(t, dir)
	o := engine.SearchOptions{K: 20, WithVectors: true}
	want, err := reader.Search(t.Context(), [][]float32{vector("text 77")}, o)
	if err != nil {
		t.Fatal(err)
	}
	all := list(t, reader, engine.ListOptions{WithVectors: true})

	c, err := w.Compact(t.Context())
	if err != nil || c.Rows != 250 || c.Bytes <= 0 {
		t.Fatalf("%+v, %v; want 250 rows and some bytes", c, err)
	}
	for name, s := range map[string]*store.Store{"open before": reader, "opened after": open(t, dir)} {
		got, err := s.Search(t.Context(), [][]float32{vector("text 77")}, o)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if diff := cmp.Diff(all, list(t, s, engine.ListOptions{WithVectors: true})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	info, err := reader.Info(t.Context())
	if err != nil || info.DeadRows != 0 || info.IndexFile != "index.2.faiss" {
		t.Errorf("%+v, %v; want no dead rows in index.2.faiss", info, err)
	}
	file, err := os.ReadFile(indexFile(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	if index := faisstest.Parse(t, file); index.Ntotal != 250 {
		t.Errorf("Faiss reads %d vectors", index.Ntotal)
	}
	replace(t, w, "b.txt", doc("more", "text 1")) // a text that is gone has no vector to give
	commit(t, w)
	if c, err := w.Compact(t.Context()); err != nil || c.Rows != 0 {
		t.Errorf("again: %+v, %v; want nothing", c, err)
	}
}

func TestIndexFilesOfAKilledCompactGo(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	replace(t, w, "a.txt", doc("1", "one"))
	commit(t, w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "index.2.faiss"), "half of it")
	w, err := store.OpenWriter(t.Context(), dir, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := os.Stat(filepath.Join(dir, "index.2.faiss")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("index.2.faiss: %v; want it gone", err)
	}
	if got := ids(t, w.Store); !slices.Equal(got, []string{"1"}) {
		t.Errorf("the store has %q", got)
	}
}

// made makes closed stores of one project, where a key means the same source in
// all: each a map from sources to documents. It opens the first for writing.
func made(t *testing.T, stores ...map[string][]engine.Document) (w *store.Writer, others []*store.Store) {
	t.Helper()
	project := t.TempDir()
	for i, content := range stores {
		dir := filepath.Join(project, fmt.Sprint(i))
		w, err := store.Create(t.Context(), dir, facts, engine.Options{})
		must(t, err)
		for _, name := range slices.Sorted(maps.Keys(content)) {
			replace(t, w, name, content[name]...)
		}
		commit(t, w)
		must(t, w.Close())
		if i > 0 {
			others = append(others, open(t, dir))
		}
	}
	w, err := store.OpenWriter(t.Context(), filepath.Join(project, "0"), engine.Options{})
	must(t, err)
	t.Cleanup(func() { w.Close() })
	return w, others
}

// sound fails where check finds something.
func sound(t *testing.T, w *store.Writer) {
	t.Helper()
	must(t, w.Close())
	if got := kinds(t, w.Dir()); got != nil {
		t.Errorf("check finds %q", got)
	}
}

func TestMergeOfTwoThatReplaceEachOther(t *testing.T) {
	t.Parallel()
	type content = map[string][]engine.Document
	for _, mine := range []content{{"s1": {doc("1", "one")}}, {"s0": {doc("0", "zero")}}} {
		w, others := made(t, mine,
			content{"s1": {doc("1", "other one"), doc("2", "two"), doc("3", "three")}},
			content{"s2": {doc("2", "other two")}})
		_, err := mergeStores(t.Context(), w, others, engine.OnConflictReplace)
		must(t, err)
		got := sources(t, w.Store)
		if delete(got, "s0"); got["s1"] != 2 || got["s2"] != 1 || len(got) != 2 {
			t.Errorf("sources %v", got)
		}
		sound(t, w)
	}
}

func TestADocumentThatMovedToAnotherSourceIsNotLost(t *testing.T) {
	t.Parallel()
	type content = map[string][]engine.Document
	w, others := made(t, content{"b": {doc("x", "x"), doc("y", "y")}},
		content{"a": {doc("x", "x"), doc("z", "z")}, "b": {doc("y", "y")}})
	_, err := mergeStores(t.Context(), w, others, engine.OnConflictReplace)
	must(t, err)
	if diff := cmp.Diff([]string{"x", "y", "z"}, ids(t, w.Store)); diff != "" {
		t.Error(diff)
	}
	sound(t, w)
}

func TestAnIDThatArrivesTwiceIsRefused(t *testing.T) {
	t.Parallel()
	w, _ := made(t, map[string][]engine.Document{"b": {doc("1", "one")}})
	same := transfer("1", "one", "b", vector("one"))
	same.Metadata = doc("", "").Metadata
	_, err := importInto(t.Context(), w, transfers(same, transfer("1", "other", "a", vector("other"))), engine.OnConflictReplace)
	if !errors.Is(err, engine.ErrDuplicateID) {
		t.Errorf("%v; want ErrDuplicateID", err)
	}
	sound(t, w)
}

// A name that is another source's is never taken, be it the newcomer's own or
// its key.
func TestNamesThatAreTaken(t *testing.T) {
	t.Parallel()
	named := func(key, name string) engine.Source { return engine.Source{Key: key, Name: name} }
	first := transfer("1", "one", "", vector("one"))
	first.From = named("docs/a.md", "a.md")
	second := transfer("2", "two", "", vector("two"))
	second.From = named("a.md", "a.md")
	for _, imports := range [][]iter.Seq2[engine.Transfer, error]{{transfers(first), transfers(second)}, {transfers(first, second)}} {
		w, _ := made(t, map[string][]engine.Document{})
		for _, docs := range imports {
			_, err := importInto(t.Context(), w, docs, engine.OnConflictFail)
			must(t, err)
		}
		home, err := store.Home(w.Dir())
		must(t, err)
		whole := home.Path("a.md")
		if diff := cmp.Diff(map[string]int64{"a.md": 1, filepath.ToSlash(whole): 1}, sources(t, w.Store)); diff != "" {
			t.Error(diff)
		}
		sound(t, w)
	}
}

func TestCopiesOfDamageAreNotMade(t *testing.T) {
	t.Parallel()
	dir := filled(t, 1)
	must(t, poke(indexFile(t, dir), 45+4*3*10))
	w, err := store.OpenWriter(t.Context(), dir, engine.Options{})
	must(t, err)
	defer w.Close()
	var damaged *engine.FormatError
	if _, err := w.Compact(t.Context()); !errors.As(err, &damaged) {
		t.Errorf("compact: %v", err)
	}
	other, _ := create(t, facts)
	if _, err := mergeStores(t.Context(), other, []*store.Store{open(t, dir)}, engine.OnConflictFail); !errors.As(err, &damaged) {
		t.Errorf("merge: %v", err)
	}
	if _, err := open(t, dir).Snapshot(t.Context()); !errors.As(err, &damaged) {
		t.Errorf("snapshot, as import and export take it: %v", err)
	}
}

// What a killed writer left does not keep a store from being copied.
func TestCopiesBesideLeftovers(t *testing.T) {
	t.Parallel()
	dir := filled(t, 1)
	must(t, os.Truncate(indexFile(t, dir), 9000))
	other, _ := create(t, facts)
	merged, err := mergeStores(t.Context(), other, []*store.Store{open(t, dir)}, engine.OnConflictFail)
	if err != nil || merged.Added != 57 {
		t.Errorf("%+v, %v", merged, err)
	}
}

func TestOtherFilesCalledIndexStay(t *testing.T) {
	t.Parallel()
	dir := filled(t, 1)
	mine := filepath.Join(dir, "index.backup.faiss")
	write(t, mine, "mine")
	w, err := store.OpenWriter(t.Context(), dir, engine.Options{})
	must(t, err)
	must(t, w.Close())
	if _, err := os.Stat(mine); err != nil {
		t.Error(err)
	}
}

func TestTinyVectorsGetLengthOne(t *testing.T) {
	t.Parallel()
	f := facts
	f.Metric = engine.Cosine
	w, _ := create(t, f)
	_, err := importInto(t.Context(), w, transfers(transfer("1", "a", "s", []float32{1e-39, 0, 0})), engine.OnConflictFail)
	must(t, err)
	for _, d := range list(t, w.Store, engine.ListOptions{WithVectors: true}) {
		if math.Abs(float64(d.Vector[0])-1) > 1e-6 {
			t.Errorf("%v", d.Vector)
		}
	}
	sound(t, w)
}

// TestMergeOfSourcesThatMeet has sources that two stores bring, and ones that lose
// documents to others.
func TestMergeOfSourcesThatMeet(t *testing.T) {
	t.Parallel()
	snapshot := func(docs ...engine.Transfer) engine.Snapshot { return engine.Snapshot{Transfers: transfers(docs...)} }
	v := []float32{1, 2, 3}
	for name, c := range map[string]struct {
		policy engine.OnConflict
		from   []engine.Snapshot
		want   map[string]int64 // documents by source
	}{
		"two bring a new source": {engine.OnConflictNewID, []engine.Snapshot{
			snapshot(transfer("n1", "one", "/new", v)), snapshot(transfer("n2", "two", "/new", v)),
		}, map[string]int64{"/a": 3, "/b": 1, "/new": 2}},
		"a source without documents is not kept": {engine.OnConflictSkip, []engine.Snapshot{
			snapshot(transfer("a1", "other", "/new", v)),
		}, map[string]int64{"/a": 3, "/b": 1}},
		"one loses documents and arrives": {engine.OnConflictReplace, []engine.Snapshot{
			snapshot(transfer("a1", "now of b", "/b", v), transfer("a2", "2", "/a", v)),
		}, map[string]int64{"/a": 1, "/b": 1}},
		"one loses documents and does not arrive": {engine.OnConflictReplace, []engine.Snapshot{
			snapshot(transfer("a1", "now of b", "/b", v)),
		}, map[string]int64{"/a": 2, "/b": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, dir := create(t, facts)
			_, err := w.Merge(t.Context(), []engine.Snapshot{snapshot(
				transfer("a1", "1", "/a", v), transfer("a2", "2", "/a", v), transfer("a3", "3", "/a", v), transfer("b1", "b", "/b", v),
			)}, engine.OnConflictFail)
			must(t, err)
			_, err = w.Merge(t.Context(), c.from, c.policy)
			must(t, err)
			must(t, w.Close())
			got := map[string]int64{}
			for src, err := range open(t, dir).AllSources(t.Context()) {
				must(t, err)
				got[src.Name] = src.Documents
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if got := kinds(t, dir); got != nil {
				t.Errorf("problems of the kinds %q", got)
			}
		})
	}
}

// A source that holds neither what it held nor what arrived is read again.
func TestMergeUnderNewIDsForgetsTheHash(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	old := transfer("1", "one", "/a", []float32{1, 2, 3})
	old.From.Hash = []byte("hash of old")
	changed := transfer("1", "changed", "/a", []float32{1, 2, 3})
	changed.From.Hash = []byte("hash of new")
	for i, tr := range []engine.Transfer{old, old, changed} {
		_, err := w.Merge(t.Context(), []engine.Snapshot{{Transfers: transfers(tr)}}, engine.OnConflictNewID)
		must(t, err)
		if src, _, err := w.SourceByName(t.Context(), "/a"); err != nil || i < 2 && string(src.Hash) != "hash of old" {
			t.Errorf("after merge %d: %+v, %v", i, src, err)
		}
	}
	must(t, w.Close())
	src, found, err := open(t, dir).SourceByName(t.Context(), "/a")
	if err != nil || !found || src.Documents != 2 || len(src.Hash) != 0 {
		t.Errorf("%+v, %v", src, err)
	}
}
