package weaviate_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/hint"
	"sheaf/internal/weaviate"
	"sheaf/internal/weaviate/weaviatetest"
)

// TestLateCommit: a writer that is held up just before it writes its state, until another has taken over and
// committed, changes nothing and is told so.
func TestLateCommit(t *testing.T) {
	t.Parallel()
	f, store := start(t)
	filled(t, store, 2)
	var overtake sync.Once
	armed := false
	late, err := weaviate.OpenWriter(t.Context(), weaviatetest.Proxy(t, store, func(_ http.ResponseWriter, r *http.Request) bool {
		if armed && writes(r) {
			overtake.Do(func() {
				f.do(func() { delete(f.classes, "Docs_sheaf_lock_2") }) // as one that was not renewed
				if err := become(t, store, 5); err != nil {
					t.Error(err)
				}
			})
		}
		return false
	}), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	set, _, err := late.SelectIDs(t.Context(), []string{"id0", "id1"})
	if err != nil {
		t.Fatal(err)
	}
	armed = true // the next thing that is written is the state of the commit
	if err := late.Delete(t.Context(), set); !errors.Is(err, engine.ErrLockLost) {
		t.Errorf("the writer that was overtaken: %v", err)
	}
	_ = late.Close()
	if got, want := idsIn(t, store), []string{"id0", "id1", "id2", "id3", "id4"}; !slices.Equal(got, want) {
		t.Errorf("the store has %q, want %q", got, want)
	}
}

// writes reports whether a request writes objects.
func writes(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/BatchObjects")
}

// leave makes the lock of an epoch one that a writer elsewhere left long ago.
func (f *fake) leave(epoch int64) {
	name := fmt.Sprint("Docs_sheaf_lock_", epoch)
	f.do(func() {
		f.classes[name] = map[string]any{"class": name, "description": `{"token":"x","host":"h","process":1,"since":1}`}
		f.objects[name] = map[string]object{}
	})
}

// TestBrokenOffTakeover: a writer that fails once it has superseded an epoch that was claimed and not begun
// leaves a store that others read and write.
func TestBrokenOffTakeover(t *testing.T) {
	t.Parallel()
	f, store := start(t)
	filled(t, store, 2)
	f.leave(2)
	var sent atomic.Int32
	failing := weaviatetest.Proxy(t, store, func(w http.ResponseWriter, r *http.Request) bool {
		fails := writes(r) && sent.Add(1) > 2 // all but the renewal of the lock and the superseded state
		if fails {
			w.WriteHeader(http.StatusInternalServerError)
		}
		return fails
	})
	if _, err := weaviate.OpenWriter(t.Context(), failing, engine.Options{}); !unavailable(err) {
		t.Errorf("the writer that fails: %v", err)
	}
	if got, want := idsIn(t, store), []string{"id0", "id1"}; !slices.Equal(got, want) {
		t.Errorf("the store has %q, want %q", got, want)
	}
	f.leave(3)
	if err := become(t, store, 3); err != nil {
		t.Error(err)
	}
	if got, want := idsIn(t, store), []string{"id0", "id1", "id2"}; !slices.Equal(got, want) {
		t.Errorf("the store has %q, want %q", got, want)
	}
}

// TestLateBegin: the state of an epoch that arrives when its writer has failed and another one has committed
// changes nothing.
func TestLateBegin(t *testing.T) {
	t.Parallel()
	f, store := start(t)
	filled(t, store, 2)
	sent := 0
	var late []byte
	failing := weaviatetest.Proxy(t, store, func(w http.ResponseWriter, r *http.Request) bool {
		if !writes(r) {
			return false
		}
		if sent++; sent == 1 { // the renewal of the lock
			return false
		}
		if b, _ := io.ReadAll(r.Body); late == nil {
			late = b
		}
		w.WriteHeader(http.StatusGatewayTimeout)
		return true
	})
	if _, err := weaviate.OpenWriter(t.Context(), failing, engine.Options{}); !unavailable(err) {
		t.Errorf("the writer that fails: %v", err)
	}
	if err := become(t, store, 5); !errors.As(err, new(*engine.LockedError)) {
		t.Errorf("another one in the same epoch: %v", err)
	}
	f.leave(2)
	if err := become(t, store, 5); err != nil {
		t.Fatal(err)
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(store, "weaviate://"), "/")
	sender := http.Client{Transport: weaviatetest.HTTP2()}
	answer, err := sender.Post("http://"+host+"/weaviate.v1.Weaviate/BatchObjects", "application/grpc", bytes.NewReader(late))
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer, err)
	}
	answer.Body.Close()
	if got, want := idsIn(t, store), []string{"id0", "id1", "id2", "id3", "id4"}; !slices.Equal(got, want) {
		t.Errorf("the store has %q, want %q", got, want)
	}
}

// TestFailedTakeover: a writer that takes over and fails before it begins leaves its lock, because nothing
// else tells of the epoch of the one before.
func TestFailedTakeover(t *testing.T) {
	t.Parallel()
	f, store := start(t)
	w, err := weaviate.Create(t.Context(), store, plain, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	failing := weaviatetest.Proxy(t, store, func(w http.ResponseWriter, r *http.Request) bool {
		fails := strings.HasPrefix(r.URL.Path, "/v1/nodes/")
		if fails {
			w.WriteHeader(http.StatusInternalServerError)
		}
		return fails
	})
	for _, left := range []bool{false, true} {
		if left {
			f.leave(2)
		}
		if _, err = weaviate.OpenWriter(t.Context(), failing, engine.Options{}); !unavailable(err) {
			t.Errorf("the writer that fails: %v", err)
		}
		if f.classes["Docs_sheaf_lock_2"] != nil || (f.classes["Docs_sheaf_lock_3"] != nil) != left {
			t.Errorf("locks that are there where one was left, %t: %q", left, slices.Collect(maps.Keys(f.classes)))
		}
	}
}

// TestUnsettled: what does not come to rest is a server that cannot answer now, what a repair mends is a
// damaged store, and no document comes twice.
func TestUnsettled(t *testing.T) {
	t.Parallel()
	f, store := start(t)
	filled(t, store, 3)
	isPage := func(id string) bool { return !strings.HasPrefix(id, "00000000") }
	var missed atomic.Bool
	once := weaviatetest.Proxy(t, store, func(w http.ResponseWriter, r *http.Request) bool {
		id, page := strings.CutPrefix(r.URL.Path, "/v1/objects/Docs_sheaf/")
		misses := page && isPage(id) && !missed.Swap(true)
		if misses {
			w.WriteHeader(http.StatusNotFound)
		}
		return misses
	})
	partial, err := weaviate.Open(t.Context(), once, engine.Options{Partial: true})
	if err != nil {
		t.Fatal(err)
	}
	defer partial.Close()
	if docs, _, err := partial.Get(t.Context(), []string{"id0"}, false); err != nil || len(docs) != 1 || !missed.Load() {
		t.Errorf("a partial answer that begins anew: %+v, %v", docs, err)
	}

	f.do(func() { delete(f.objects["Docs"], slices.Sorted(maps.Keys(f.objects["Docs"]))[2]) })
	r := open(t, store)
	if _, err := r.Search(t.Context(), [][]float32{{1}}, engine.SearchOptions{K: 3}); !errors.As(err, new(*engine.FormatError)) || !strings.Contains(hint.Of(err), "check --repair") {
		t.Errorf("a search: %v", err)
	}
	var ids []string
	for d, failed := range r.Documents(t.Context(), engine.ListOptions{}) {
		if err = failed; err == nil {
			ids = append(ids, d.ID)
		}
	}
	if !unavailable(err) || !slices.Equal(ids, []string{"id0", "id1"}) {
		t.Errorf("a list of %q: %v", ids, err)
	}

	f.do(func() {
		maps.DeleteFunc(f.objects["Docs_sheaf"], func(id string, _ object) bool { return isPage(id) })
	})
	if _, _, err := r.Get(t.Context(), []string{"id0"}, false); !unavailable(err) {
		t.Errorf("a document whose source is missing: %v", err)
	}
	if _, err := r.SourcesByKey(t.Context(), []string{"/a"}); !unavailable(err) {
		t.Errorf("a source that is missing: %v", err)
	}
	if _, err := weaviate.Check(t.Context(), store, engine.Options{}, false); !unavailable(err) {
		t.Errorf("a check: %v", err)
	}
}

// become has a store hold so many documents.
func become(t *testing.T, store string, n int) error {
	t.Helper()
	w, err := weaviate.OpenWriter(t.Context(), store, engine.Options{})
	if err != nil {
		return err
	}
	_, err = w.Merge(t.Context(), []engine.Snapshot{{Transfers: numbered(n, -1, nil)}}, engine.OnConflictReplace)
	return errors.Join(err, w.Close())
}

// idsIn lists the ids of a store.
func idsIn(t *testing.T, store string) (ids []string) {
	t.Helper()
	r := open(t, store)
	for d, err := range r.Documents(t.Context(), engine.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.ID)
	}
	return ids
}

// TestEmptied: a replica without its marks has lost its documents, and what is left is kept by a repair.
func TestEmptied(t *testing.T) {
	t.Parallel()
	f, store := start(t)
	filled(t, store, 2)
	f.do(func() { clear(f.objects["Docs"]) })
	r := open(t, store)
	damaged := (*engine.FormatError)(nil)
	if _, err := r.Search(t.Context(), [][]float32{{1}}, engine.SearchOptions{K: 1}); !errors.As(err, &damaged) {
		t.Errorf("a search: %v", err)
	}
	if _, err := weaviate.OpenWriter(t.Context(), store, engine.Options{}); !errors.As(err, &damaged) {
		t.Errorf("a writer: %v", err)
	}
	for _, repair := range []bool{false, true} {
		problems, err := weaviate.Check(t.Context(), store, engine.Options{}, repair)
		if err != nil || len(problems) == 0 || problems[0].Repaired != repair {
			t.Errorf("check, repair %t: %+v, %v", repair, problems, err)
		}
	}
	if problems, err := weaviate.Check(t.Context(), store, engine.Options{}, false); err != nil || len(problems) > 0 || len(idsIn(t, store)) > 0 {
		t.Errorf("after the repair: %+v, %v", problems, err)
	}
}

// TestLostCollection: a store whose documents a server does not know is damaged, for all that ask it.
func TestLostCollection(t *testing.T) {
	t.Parallel()
	f, store := start(t)
	filled(t, store, 2)
	r := open(t, store)
	f.do(func() { delete(f.classes, "Docs") })
	damaged := (*engine.FormatError)(nil)
	if _, err := r.Search(t.Context(), [][]float32{{1}}, engine.SearchOptions{K: 1}); !errors.As(err, &damaged) {
		t.Errorf("a search: %v", err)
	}
	if _, err := weaviate.OpenWriter(t.Context(), store, engine.Options{}); !errors.As(err, &damaged) {
		t.Errorf("a writer: %v", err)
	}
}

// TestComplaints: messages of gRPC are errors of their kinds, and old servers are refused.
func TestComplaints(t *testing.T) {
	t.Parallel()
	for message, is := range map[string]func(error) bool{
		"rbac: authorization, forbidden action": func(err error) bool { return errors.As(err, new(*engine.RefusedError)) },
		"no such prop with name 'x'":            func(err error) bool { return !unavailable(err) },
		"remote shard: connection refused":      unavailable,
		"could not find class Docs in schema":   unavailable, // of a collection that is there
	} {
		f, store := start(t)
		w, err := weaviate.Create(t.Context(), store, plain, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		f.do(func() { f.complaint = message })
		r, err := weaviate.Open(t.Context(), store, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err = r.Get(t.Context(), []string{"id0"}, false); err == nil || !is(err) || !strings.Contains(err.Error(), message) {
			t.Errorf("%s: %v", message, err)
		}
		f.do(func() { f.complaint, f.version = "", "1.31.0" })
		if _, _, err = r.Get(t.Context(), []string{"id0"}, false); !errors.As(err, new(*engine.UnsupportedError)) {
			t.Errorf("an old server: %v", err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestMany: more objects than one answer has are all found.
func TestMany(t *testing.T) {
	t.Parallel()
	f, store := start(t)
	filled(t, store, 3)
	f.do(func() { // as late objects of runs that were killed
		for n := range 5000 {
			id := fmt.Sprintf("%08x-0000-0000-0000-000000000000", 1+n%3)
			f.objects["Docs"][fmt.Sprintf("%08x-0000-0000-0000-%012x", 1+n%3, 1+n)] = f.objects["Docs"][id]
		}
	})
	r := open(t, store)
	docs, missing, err := r.Get(t.Context(), []string{"id2", "id0", "id1"}, false)
	if err != nil || len(docs) != 3 || len(missing) > 0 || docs[0].ID != "id2" {
		t.Errorf("%+v, %q, %v", docs, missing, err)
	}
}
