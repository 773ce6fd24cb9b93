package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/engine"
	"sheaf/internal/metadata"
	"sheaf/internal/store"
)

// fill stages documents in an open replacement as an ingest would.
func fill(t *testing.T, w *store.Writer, r engine.Replacement, src engine.Source, docs ...engine.Document) (kept int) {
	t.Helper()
	matches, err := w.Match(t.Context(), src, docs)
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range docs {
		if matches[i].Kept {
			kept++
			err = r.Keep(matches[i], d)
		} else {
			err = r.Add(t.Context(), d, vector(d.Text), engine.Embedded)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return kept
}

// begin opens a replacement of the source with a key.
func begin(t *testing.T, w *store.Writer, key string) (engine.Source, engine.Replacement) {
	t.Helper()
	src, _, err := w.SourceByKey(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	src.Key, src.Name, src.Hash = key, key, []byte("hash")
	r, err := w.Replace(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	return src, r
}

// shown lists a store as "id text@line", and holds the counts to it.
func shown(t *testing.T, w *store.Writer, key string) []string {
	t.Helper()
	lines := []string{}
	for _, d := range list(t, w.Store, engine.ListOptions{WithVectors: true}) {
		lines = append(lines, fmt.Sprintf("%s %s@%d", d.ID, d.Text, d.StartLine))
		if !slices.Equal(d.Vector, vector(d.Text)) {
			t.Errorf("document %s has another's vector", d.ID)
		}
	}
	src, found, err := w.SourceByKey(t.Context(), key)
	if err != nil || !found || src.Documents != int64(len(lines)) {
		t.Errorf("source %q: found %v, %d documents of %d, %v", key, found, src.Documents, len(lines), err)
	}
	return lines
}

func moved(d engine.Document) engine.Document {
	d.StartLine = 9
	return d
}

func TestCommitWithinASource(t *testing.T) {
	t.Parallel()
	w, _ := create(t, facts)
	replace(t, w, "a", doc("1", "one"), doc("2", "two"), doc("3", "three"))
	commit(t, w)

	src, r := begin(t, w, "a")
	fill(t, w, r, src, moved(doc("1", "one")), doc("2", "deux"), doc("4", "four"))
	commit(t, w)
	// What came is there, 2 in its place; 3 may come yet.
	want := []string{"1 one@9", "3 three@1", "2 deux@1", "4 four@1"}
	if diff := cmp.Diff(want, shown(t, w, "a")); diff != "" {
		t.Error(diff)
	}
	if src, _, err := w.SourceByKey(t.Context(), "a"); err != nil || len(src.Hash) != 0 || src.Size != 0 || !src.ModTime.IsZero() {
		t.Errorf("a source that is not complete looks so: %+v, %v", src, err)
	}
	fill(t, w, r, src, doc("5", "five"))
	r.Done(src)
	commit(t, w)
	if diff := cmp.Diff([]string{"1 one@9", "2 deux@1", "4 four@1", "5 five@1"}, shown(t, w, "a")); diff != "" {
		t.Error(diff)
	}
	if src, _, err := w.SourceByKey(t.Context(), "a"); err != nil || string(src.Hash) != "hash" {
		t.Errorf("%+v, %v", src, err)
	}
}

// A writer that is closed before its source is complete leaves what it
// committed, and the next one goes on from there.
func TestGoingOnWithinASource(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	src, r := begin(t, w, "a")
	fill(t, w, r, src, doc("1", "one"), doc("2", "two"))
	commit(t, w)
	fill(t, w, r, src, doc("3", "three"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w, err := store.OpenWriter(t.Context(), dir, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	src, r = begin(t, w, "a")
	if kept := fill(t, w, r, src, doc("1", "one"), doc("2", "two"), doc("3", "three")); kept != 2 {
		t.Errorf("%d documents are kept of 2", kept)
	}
	r.Done(src)
	commit(t, w)
	if diff := cmp.Diff([]string{"1 one@1", "2 two@1", "3 three@1"}, shown(t, w, "a")); diff != "" {
		t.Error(diff)
	}
}

func TestAnEqualIDOnTheOtherSideOfACommit(t *testing.T) {
	t.Parallel()
	w, _ := create(t, facts)
	replace(t, w, "a", doc("1", "one"))
	commit(t, w)
	src, r := begin(t, w, "a")
	fill(t, w, r, src, doc("2", "two"), doc("1", "uno"))
	commit(t, w)
	late, err := w.Match(t.Context(), src, []engine.Document{doc("2", "two"), doc("2", "deux"), doc("1", "uno")})
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"added, another text":    r.Add(t.Context(), doc("2", "zwei"), vector("zwei"), engine.Embedded),
		"replaced, a third text": r.Add(t.Context(), doc("1", "une"), vector("une"), engine.Embedded),
		"kept":                   r.Keep(late[0], doc("2", "two")),
		"added, a third text":    r.Add(t.Context(), doc("2", "deux"), vector("deux"), engine.Embedded),
		"replaced, kept":         r.Keep(late[2], doc("1", "uno")),
	} {
		if !errors.Is(err, engine.ErrDuplicateID) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAbandonAfterACommit(t *testing.T) {
	t.Parallel()
	w, _ := create(t, facts)
	replace(t, w, "a", doc("1", "one"), doc("2", "two"))
	commit(t, w)
	src, r := begin(t, w, "a")
	fill(t, w, r, src, doc("3", "three"))
	commit(t, w)
	fill(t, w, r, src, doc("4", "four"), moved(doc("1", "one")))
	r.Abandon()
	commit(t, w)
	if diff := cmp.Diff([]string{"1 one@1", "2 two@1", "3 three@1"}, shown(t, w, "a")); diff != "" {
		t.Error(diff)
	}
	if src, _, err := w.SourceByKey(t.Context(), "a"); err != nil || len(src.Hash) != 0 {
		t.Errorf("a source that is not complete looks so: %+v, %v", src, err)
	}
}

// What a replacement keeps in another place, or with other metadata, is shown so.
func TestEachPartOfAPlaceIsFollowed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*engine.Document){
		"index":      func(d *engine.Document) { d.StartIndex = 7 },
		"first line": func(d *engine.Document) { d.StartLine = 0 },
		"last line":  func(d *engine.Document) { d.EndLine = 7 },
		"metadata":   func(d *engine.Document) { d.Metadata = metadata.Raw([]byte(`{"source":"a.txt","n":1}`)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := create(t, facts)
			before := doc("1", "one")
			replace(t, w, "a", before)
			commit(t, w)
			after := before
			change(&after)
			if kept, _, _ := replace(t, w, "a", after); kept != 1 {
				t.Errorf("%d are kept", kept)
			}
			commit(t, w)
			after.Source, after.Key = "a", "a"
			if diff := cmp.Diff([]engine.Document{after}, list(t, w.Store, engine.ListOptions{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A commit of nothing but other places leaves the source to be read again.
func TestCommitOfPlacesWithinASource(t *testing.T) {
	t.Parallel()
	w, _ := create(t, facts)
	src, r := begin(t, w, "a")
	fill(t, w, r, src, doc("1", "one"), doc("2", "two"))
	r.Done(src)
	commit(t, w)
	src, r = begin(t, w, "a")
	fill(t, w, r, src, moved(doc("1", "one")))
	commit(t, w)
	if diff := cmp.Diff([]string{"1 one@9", "2 two@1"}, shown(t, w, "a")); diff != "" {
		t.Error(diff)
	}
	if src, _, err := w.SourceByKey(t.Context(), "a"); err != nil || len(src.Hash) != 0 {
		t.Errorf("a source that is not complete looks so: %+v, %v", src, err)
	}
}

// Deleted documents whose rows are still there are not counted as their source's.
func TestCommitWithinASourceThatLostSome(t *testing.T) {
	t.Parallel()
	w, _ := create(t, facts)
	replace(t, w, "a", doc("1", "one"), doc("2", "two"), doc("3", "three"))
	commit(t, w)
	deleteIDs(t, w, "1")
	src, r := begin(t, w, "a")
	fill(t, w, r, src, doc("4", "four"))
	commit(t, w)
	if diff := cmp.Diff([]string{"2 two@1", "3 three@1", "4 four@1"}, shown(t, w, "a")); diff != "" {
		t.Error(diff)
	}
}

// A source that was opened and given nothing new stays as it is.
func TestCommitBeforeAnythingCame(t *testing.T) {
	t.Parallel()
	w, _ := create(t, facts)
	src, r := begin(t, w, "a")
	fill(t, w, r, src, doc("1", "one"))
	r.Done(src)
	commit(t, w)
	src, r = begin(t, w, "b")
	r.Done(src) // something to commit
	src, r = begin(t, w, "a")
	fill(t, w, r, src, doc("1", "one"))
	commit(t, w)
	if src, _, err := w.SourceByKey(t.Context(), "a"); err != nil || string(src.Hash) != "hash" {
		t.Errorf("%+v, %v", src, err)
	}
}

// An id that its source has given up goes to another source, whether the two
// are committed together or not.
func TestAnIDMovesToAnotherSource(t *testing.T) {
	t.Parallel()
	for _, between := range []bool{false, true} {
		w, _ := create(t, facts)
		replace(t, w, "a", doc("1", "one"), doc("2", "two"))
		commit(t, w)
		src, r := begin(t, w, "b")
		matches, err := w.Match(t.Context(), src, []engine.Document{doc("2", "two")})
		if err != nil || !matches[0].Taken {
			t.Fatal(matches, err)
		}
		var foreign *engine.ForeignIDError
		if err := r.Check(t.Context(), "2"); !errors.As(err, &foreign) || foreign.Source != "a" {
			t.Errorf("an id of another source: %v", err)
		}
		r.Abandon()
		replace(t, w, "a", doc("1", "one"))
		if between {
			commit(t, w)
		}
		src, r = begin(t, w, "b")
		if err := r.Add(t.Context(), doc("2", "two"), vector("two"), engine.Embedded); err != nil {
			t.Errorf("commit between %v: %v", between, err)
		}
		r.Done(src)
		commit(t, w)
		if got := list(t, w.Store, engine.ListOptions{}); len(got) != 2 || got[1].Source != "b" {
			t.Errorf("%+v", got)
		}
	}
}

// An id that a source which is being replaced has is refused with the name of that source.
func TestAnIDOfASourceThatIsOpen(t *testing.T) {
	t.Parallel()
	w, _ := create(t, facts)
	src, first := begin(t, w, "a")
	fill(t, w, first, src, doc("1", "one"))
	_, second := begin(t, w, "b")
	var foreign *engine.ForeignIDError
	if err := second.Check(t.Context(), "1"); !errors.As(err, &foreign) || foreign.Source != "a" {
		t.Errorf("%v; want one that names source a", err)
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	w, _ := create(t, facts)
	replace(t, w, "a", doc("1", "one"), doc("2", "two"))
	replace(t, w, "b", doc("3", "three"))
	commit(t, w)
	src, _, err := w.SourceByKey(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Forget(t.Context(), src); err != nil {
		t.Fatal(err)
	}
	commit(t, w)
	if diff := cmp.Diff([]string{"3 three@1"}, shown(t, w, "b")); diff != "" {
		t.Error(diff)
	}
	sources, err := w.SourcesByKey(t.Context(), []string{"a", "b", "c"})
	if err != nil || len(sources) != 1 || sources["b"].Documents != 1 {
		t.Errorf("%v, %v", sources, err)
	}
}

// Where rows are not numbered as documents are, each text has its own vector all the same.
func TestVectorOfAfterACompaction(t *testing.T) {
	t.Parallel()
	w, _ := create(t, facts)
	replace(t, w, "a", doc("1", "one"), doc("2", "two"), doc("3", "three"))
	commit(t, w)
	deleteIDs(t, w, "2")
	_, err := w.Compact(t.Context())
	must(t, err)
	replace(t, w, "b", doc("4", "four"))
	for _, text := range []string{"one", "three", "four"} {
		if v, err := w.VectorOf(t.Context(), text); err != nil || !slices.Equal(v, vector(text)) {
			t.Errorf("%s: %v, %v", text, v, err)
		}
	}
}

// The vector of the first document of a store is used again as others are.
func TestTheFirstVectorIsUsedAgain(t *testing.T) {
	t.Parallel()
	w, _ := create(t, facts)
	replace(t, w, "a", doc("1", "one"))
	commit(t, w)
	if _, reused, _ := replace(t, w, "b", doc("2", "one")); reused != 1 {
		t.Errorf("%d vectors are used again", reused)
	}
}

// VectorOf finds the vector of a text wherever the document is: in the
// writer's buffer, staged, committed.
func TestVectorOf(t *testing.T) {
	t.Parallel()
	w, _ := create(t, facts)
	src, r := begin(t, w, "a")
	docs := []engine.Document{}
	for i := range 2500 {
		docs = append(docs, doc(fmt.Sprint(i), fmt.Sprintf("text %d", i)))
	}
	fill(t, w, r, src, docs[:300]...)
	commit(t, w)
	fill(t, w, r, src, docs[300:]...)
	for i, origin := range []engine.Origin{engine.Given, engine.Truncated} {
		if err := r.Add(t.Context(), doc([]string{"given", "cut"}[i], []string{"a given one", "a long one"}[i]), vector(""), origin); err != nil {
			t.Fatal(err)
		}
	}
	for _, i := range []int{0, 299, 300, 1299, 1300, 2299, 2300, 2499} {
		text := fmt.Sprintf("text %d", i)
		if v, err := w.VectorOf(t.Context(), text); err != nil || !slices.Equal(v, vector(text)) {
			t.Errorf("%s: %v, %v", text, v, err)
		}
	}
	for _, text := range []string{"text", "a given one", "a long one"} {
		if v, err := w.VectorOf(t.Context(), text); err != nil || v != nil {
			t.Errorf("%s: %v, %v, want none", text, v, err)
		}
	}
}
