package weaviate_test

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/metadata"
	"sheaf/internal/weaviate"
	"sheaf/internal/weaviate/weaviatetest"
)

var plain = engine.Facts{Dim: 1, Metric: engine.L2, NoWords: true}

// numbered yields n documents, and calls amid before one of them.
func numbered(n, at int, amid func()) iter.Seq2[engine.Transfer, error] {
	return func(yield func(engine.Transfer, error) bool) {
		for i := range n {
			if i == at {
				amid()
			}
			d := engine.Document{ID: fmt.Sprint("id", i), Text: "text", Metadata: metadata.Raw([]byte(`{}`)), Vector: []float32{1}}
			if !yield(engine.Transfer{Document: d, From: engine.Source{Key: "/a", Name: "a"}}, nil) {
				return
			}
		}
	}
}

// merge adds documents to a store, and closes it.
func merge(t *testing.T, w *weaviate.Writer, docs iter.Seq2[engine.Transfer, error]) error {
	t.Helper()
	_, err := w.Merge(t.Context(), []engine.Snapshot{{Transfers: docs}}, engine.OnConflictFail)
	return errors.Join(err, w.Close())
}

// filled makes a store of n documents.
func filled(t *testing.T, url string, n int) {
	t.Helper()
	w, err := weaviate.Create(t.Context(), url, plain, engine.Options{})
	if err == nil {
		err = merge(t, w, numbered(n, -1, nil))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// open opens a store until the test ends.
func open(t *testing.T, url string) *weaviate.Store {
	t.Helper()
	r, err := weaviate.Open(t.Context(), url, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// TestRefusedCollection: a collection that cannot be made is an error, not a lock that another
// writer has.
func TestRefusedCollection(t *testing.T) {
	t.Parallel()
	f, url := start(t)
	f.refuses = "not enough nodes"
	_, err := weaviate.Create(t.Context(), url+"&replicas=5", plain, engine.Options{})
	if err == nil || !strings.Contains(err.Error(), f.refuses) {
		t.Error(err)
	}
}

// TestCreate: what a killed writer left is made anew, and documents whose state is away stay.
func TestCreate(t *testing.T) {
	t.Parallel()
	f, url := start(t)
	for range 2 {
		w, err := weaviate.Create(t.Context(), url, plain, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		f.do(func() {
			clear(f.objects["Docs_sheaf"])
			f.classes["Docs_sheaf"]["description"] = f.classes["Docs"]["description"]
		})
	}
	filled(t, url, 3)
	f.do(func() { clear(f.objects["Docs_sheaf"]) })
	lost := func() {
		t.Helper()
		_, err := weaviate.Create(t.Context(), url, plain, engine.Options{})
		if damaged := (*engine.FormatError)(nil); !errors.As(err, &damaged) || len(f.objects["Docs"]) != 3+1 {
			t.Errorf("%d documents are left: %v", len(f.objects["Docs"])-1, err)
		}
		if _, err := weaviate.Open(t.Context(), url, engine.Options{}); err == nil {
			t.Error("a store without a state is opened")
		}
	}
	lost()
	f.do(func() { f.classes["Docs_sheaf"]["description"] = f.classes["Docs"]["description"] })
	lost()
	f.do(func() { f.classes["Docs_sheaf"]["description"] = "of others" })
	if _, err := weaviate.Create(t.Context(), url, plain, engine.Options{}); err == nil || f.classes["Docs_sheaf"] == nil {
		t.Errorf("a collection of another program: %v", err)
	}
}

// TestOvertaken: a writer that lost its lock amid a long merge does not write over the documents
// of the one that has it.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	f, url := start(t)
	slow, err := weaviate.Create(t.Context(), url, plain, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = merge(t, slow, numbered(67_000, 65_000, func() {
		f.do(func() { delete(f.classes, "Docs_sheaf_lock_1") }) // as one that was not renewed
		other, err := weaviate.OpenWriter(t.Context(), url, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := merge(t, other, numbered(500, -1, nil)); err != nil {
			t.Fatal(err)
		}
	}))
	if !errors.Is(err, engine.ErrLockLost) {
		t.Errorf("the writer that was overtaken: %v", err)
	}
	r := open(t, url)
	n := 0
	for d, err := range r.Documents(t.Context(), engine.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if d.ID != fmt.Sprint("id", n) {
			t.Fatalf("document %d has the id %q", n, d.ID)
		}
		n++
	}
	if n != 500 {
		t.Errorf("%d documents of 500", n)
	}
}

// TestRepair: a check finds what was lost or is not compared, and what was found is mended.
func TestRepair(t *testing.T) {
	t.Parallel()
	f, url := start(t)
	facts := plain
	facts.NoWords = false
	w, err := weaviate.Create(t.Context(), url, facts, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := merge(t, w, numbered(5, -1, nil)); err != nil {
		t.Fatal(err)
	}
	holds := func(repair bool, want ...string) {
		t.Helper()
		problems, err := weaviate.Check(t.Context(), url, engine.Options{}, repair)
		var got []string
		for _, p := range problems {
			got = append(got, fmt.Sprint(p.Message, " ", p.Repaired))
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("a check finds %q, %v and not %q", got, err, want)
		}
	}
	holds(false)
	f.do(func() {
		ids := slices.Sorted(maps.Keys(f.objects["Docs"]))
		delete(f.objects["Docs"], ids[1])
		f.blind = map[string]bool{ids[2]: true}
	})
	lost, blind := "1 documents are not on the servers", "of 1 documents the server does not compare the vectors"
	holds(false, lost+" false", blind+" false")
	r := open(t, url)
	if hits, err := r.Search(t.Context(), [][]float32{{1}}, engine.SearchOptions{K: 5}); err == nil {
		t.Errorf("a search finds %d documents of 5, and says nothing", len(hits[0]))
	}
	holds(true, lost+" true", blind+" true")
	holds(false)
	hits, err := r.Search(t.Context(), [][]float32{nil}, engine.SearchOptions{K: 9, Mode: engine.ByWords, Texts: []string{"text"}})
	var ids []string
	for _, h := range slices.Concat(hits...) {
		ids = append(ids, h.ID)
	}
	if want := []string{"id0", "id3", "id4", "id2"}; err != nil || !slices.Equal(ids, want) || len(f.objects["Docs"]) != len(want)+1 {
		t.Errorf("after the repair are found %q of %d objects, %v", ids, len(f.objects["Docs"])-1, err)
	}
}

// TestLostAmidAWrite: a commit fails where the server has documents of which it lost the vectors, and the
// same again is whole.
func TestLostAmidAWrite(t *testing.T) {
	t.Parallel()
	f, url := start(t)
	w, err := weaviate.Create(t.Context(), url, plain, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f.do(func() {
		f.blind = map[string]bool{}
		for n := range 9 {
			f.blind[fmt.Sprintf("%08x-0000-0000-0000-%012x", n, 0)] = n%4 == 0
		}
	})
	var unavailable *engine.UnavailableError
	if err = errors.Join(merge(t, w, numbered(5, -1, nil)), w.Close()); !errors.As(err, &unavailable) || !strings.Contains(err.Error(), "does not compare") {
		t.Errorf("a merge of which the server lost vectors: %v", err)
	}
	f.do(func() { f.blind = nil })
	if w, err = weaviate.OpenWriter(t.Context(), url, engine.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(merge(t, w, numbered(5, -1, nil)), w.Close()); err != nil {
		t.Error(err)
	}
	if problems, err := weaviate.Check(t.Context(), url, engine.Options{}, false); err != nil || len(problems) > 0 {
		t.Errorf("a check finds %v, %v", problems, err)
	}
}

// TestRepairCopies: documents that a server has lost and another one has are copied, and those alone are
// forgotten that none has.
func TestRepairCopies(t *testing.T) {
	t.Parallel()
	f, url := start(t)
	f.replicas = 2
	w, err := weaviate.Create(t.Context(), url+"&replicas=2", plain, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := merge(t, w, numbered(4, -1, nil)); err != nil {
		t.Fatal(err)
	}
	f.do(func() {
		ids := slices.Sorted(maps.Keys(f.objects["Docs"]))
		f.elsewhere = map[string]object{ids[1]: f.objects["Docs"][ids[1]]}
		delete(f.objects["Docs"], ids[1])
		delete(f.objects["Docs"], ids[2])
	})
	problems, err := weaviate.Check(t.Context(), url, engine.Options{}, true)
	var got []string
	for _, p := range problems {
		got = append(got, fmt.Sprint(p.Message, " ", p.Repaired))
	}
	if want := []string{"1 documents are not on the servers true", "1 documents are on some replicas only true"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("the repair finds %q, %v and not %q", got, err, want)
	}
	if got, want := idsIn(t, url), []string{"id0", "id1", "id3"}; !slices.Equal(got, want) {
		t.Errorf("after it the store has %q, want %q", got, want)
	}
}

// withMoved makes a store of three documents, of which one has got other lines since.
func withMoved(t *testing.T, url string) {
	t.Helper()
	w, err := weaviate.Create(t.Context(), url, plain, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := cluster{T: t}
	docs := records(0, 3)
	for i := range docs {
		docs[i].Vector = []float32{1}
	}
	for range 2 {
		if err := s.write(w, docs); err != nil {
			t.Fatal(err)
		}
		docs[1].StartLine += 7
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestDeletedIDs: the ids of what was deleted are told, also of documents that had moved.
func TestDeletedIDs(t *testing.T) {
	t.Parallel()
	_, url := start(t)
	withMoved(t, url)
	w, err := weaviate.OpenWriter(t.Context(), url, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	gone, _, err := w.SelectIDs(t.Context(), []string{"id0", "id1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Delete(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	var got []string
	for id, err := range w.IDs(t.Context(), gone) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, id)
	}
	if want := []string{"id0", "id1"}; !slices.Equal(got, want) {
		t.Errorf("the ids of what was deleted are %q, want %q", got, want)
	}
}

// TestUncleaned: where what is stale cannot be removed no document counts as dead, and the next writer goes on.
func TestUncleaned(t *testing.T) {
	t.Parallel()
	f, url := start(t)
	withMoved(t, weaviatetest.Proxy(t, url, func(w http.ResponseWriter, r *http.Request) bool {
		refused := r.Method == http.MethodDelete && r.URL.Path == "/v1/batch/objects"
		if refused {
			w.WriteHeader(http.StatusForbidden)
		}
		return refused
	}))
	r := open(t, url)
	if info, err := r.Info(t.Context()); err != nil || info.Documents != 3 || info.DeadRows != 0 || len(f.objects["Docs"]) != 3+1+1 {
		t.Errorf("%d objects, %+v, %v", len(f.objects["Docs"]), info, err)
	}
	w, err := weaviate.OpenWriter(t.Context(), url, engine.Options{})
	if err == nil {
		err = w.Close()
	}
	if err != nil || len(f.objects["Docs"]) != 3+1 {
		t.Errorf("after another writer there are %d objects: %v", len(f.objects["Docs"]), err)
	}
}

// TestLock: a store has one writer, whose command line the cluster is not told.
func TestLock(t *testing.T) {
	t.Parallel()
	f, url := start(t)
	w, err := weaviate.Create(t.Context(), url, plain, engine.Options{Holder: "sheaf merge postgres://u:hunter2@h/db"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = weaviate.OpenWriter(t.Context(), url, engine.Options{LockTimeout: time.Millisecond})
	if locked := (*engine.LockedError)(nil); !errors.As(err, &locked) || !strings.Contains(locked.Holder, fmt.Sprint("process ", os.Getpid())) {
		t.Errorf("a second writer: %v", err)
	}
	for _, class := range f.classes {
		if strings.Contains(fmt.Sprint(class["description"]), "hunter2") {
			t.Errorf("the cluster is told %q", class["description"])
		}
	}
	elsewhere := `{"token":"x","host":"h","process":1,"since":%d}`
	held := func(since int64) error {
		f.do(func() {
			clear(f.objects["Docs_sheaf_lock_1"]) // as if it was killed before it renewed the lock
			f.classes["Docs_sheaf_lock_1"]["description"] = fmt.Sprintf(elsewhere, since)
		})
		next, err := weaviate.OpenWriter(t.Context(), url, engine.Options{})
		if err == nil {
			t.Cleanup(func() { next.Close() })
		}
		return err
	}
	if err := held(time.Now().Unix()); err == nil {
		t.Error("the lock of a writer elsewhere is taken over")
	}
	if err := held(1); err != nil {
		t.Errorf("the lock of a writer elsewhere that ended long ago: %v", err)
	}
	if err := w.Close(); !errors.Is(err, engine.ErrLockLost) {
		t.Errorf("the writer that was overtaken: %v", err)
	}
}

// TestNamelessLock: a lock that a server made anew, for a renewal that came late, is one whose writer is not known.
func TestNamelessLock(t *testing.T) {
	t.Parallel()
	f, url := start(t)
	filled(t, url, 2)
	f.leave(2)
	describe := func(text string) { f.do(func() { f.classes["Docs_sheaf_lock_2"]["description"] = text }) }
	describe("of others")
	if err := become(t, url, 3); !errors.As(err, new(*engine.FormatError)) {
		t.Errorf("a collection of another program: %v", err)
	}
	describe("This property was generated by Weaviate's auto-schema feature on Sun Nov 29 08:00:00 2026")
	f.do(func() {
		f.objects["Docs_sheaf_lock_2"]["00000000-0000-0000-0000-000000000001"] = object{}
	})
	if err := become(t, url, 3); !errors.As(err, new(*engine.LockedError)) {
		t.Errorf("while it was renewed just now: %v", err)
	}
	f.do(func() { clear(f.objects["Docs_sheaf_lock_2"]) })
	if err := become(t, url, 3); err != nil || f.classes["Docs_sheaf_lock_2"] != nil {
		t.Errorf("when it was renewed long ago: %v", err)
	}
}
