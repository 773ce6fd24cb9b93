package weaviate_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/metadata"
	"sheaf/internal/weaviate"
	"sheaf/internal/weaviate/weaviatetest"
)

// TestWeaviateCluster: of three nodes one is killed while others ask and write. Answers are
// right, or are errors that say that a server is away; and what a commit was told of stays.
func TestWeaviateCluster(t *testing.T) {
	t.Parallel()
	c := weaviatetest.Start(t, 1, 3)
	copies := cluster{t, c, c.URL(0, "Copies") + "&replicas=3", records(0, 120)}
	single := cluster{t, c, c.URL(0, "Single") + "&replicas=1", records(0, 120)}
	for _, store := range []cluster{copies, single} {
		w, err := weaviate.Create(t.Context(), store.url, engine.Facts{Dim: 8, Metric: engine.L2}, engine.Options{Partitions: 3})
		if err != nil {
			t.Fatal(err)
		}
		fill(t, w, store.docs...)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	copies.answers(0)
	single.answers(0)

	down := 2
	if single.holder("Single_sheaf") == down {
		down = 1
	}
	c.Kill(down)
	for answered, asked := 0, 0; answered < 3; asked++ { // the others take some seconds to notice
		if copies.right() {
			answered++
		}
		if single.right() {
			t.Fatal("a third of the documents is away, and nothing says so")
		}
		if asked == 100 {
			t.Fatal("two of three servers do not answer")
		}
	}
	single.inPart()
	if _, err := weaviate.OpenWriter(t.Context(), copies.url, engine.Options{}); !unavailable(err) {
		t.Errorf("a writer without a third of the replicas: %v", err)
	}
	c.Revive(t, down)
	copies.settle()
	single.settle()
	copies.answers(down)
	single.answers(down)

	copies.killedWhileWriting()
	copies.emptied(2)
	single.emptied(1)
}

// emptied has a node come back without its disk: no answer has fewer documents, nothing writes, and a repair
// gives back what there is.
func (s *cluster) emptied(node int) {
	s.Helper()
	s.c.Kill(node)
	s.c.Wipe(s.T, node)
	s.c.Revive(s.T, node)
	for n := range 3 {
		for refused := false; !refused; { // by then the others know the server again
			got, err := s.ids(s.c.URL(n, collectionOf(s.url)))
			for what, ids := range got {
				if err == nil && len(ids) != len(s.docs) {
					s.Fatalf("node %d: %s gives %d documents of %d", n, what, len(ids), len(s.docs))
				}
			}
			if damaged := (*engine.FormatError)(nil); errors.As(err, &damaged) {
				refused = true
			} else if err != nil && !unavailable(err) && !errors.Is(err, engine.ErrNotExist) { // it learns of one collection after the other
				s.Fatal(err)
			}
		}
	}
	if _, err := weaviate.OpenWriter(s.Context(), s.url, engine.Options{}); err == nil {
		s.Error("a writer opens a store of which a replica is empty")
	}
	repaired, err := weaviate.Check(s.Context(), s.url, engine.Options{}, true)
	if damaged := (*engine.FormatError)(nil); strings.HasSuffix(s.url, "=1") && errors.As(err, &damaged) {
		return // the only replica of the state was there
	}
	if err != nil || len(repaired) == 0 {
		s.Fatalf("check --repair: %+v, %v", repaired, err)
	}
	if strings.HasSuffix(s.url, "=3") {
		for n := range 3 {
			s.answers(n)
		}
	}
	if problems, err := weaviate.Check(s.Context(), s.url, engine.Options{}, false); err != nil || len(problems) > 0 {
		s.Errorf("check after the repair: %+v, %v", problems, err)
	}
}

// cluster is a store of a cluster with the documents that it has.
type cluster struct {
	*testing.T
	c    *weaviatetest.Cluster
	url  string
	docs []engine.Document
}

// right asks the store for all, and reports whether it answers. An answer that is not right fails the test,
// and so does an error that does not say that a server is away.
func (s *cluster) right() bool {
	s.Helper()
	got, err := s.ids(s.url)
	if err != nil {
		if !unavailable(err) {
			s.Fatal(err)
		}
		return false
	}
	for what, ids := range got {
		if len(ids) != len(s.docs) {
			s.Fatalf("%s gives %d documents of %d", what, len(ids), len(s.docs))
		}
	}
	return true
}

// ids are those that each kind of answer has.
func (s *cluster) ids(url string) (map[string][]string, error) {
	r, err := weaviate.Open(s.Context(), url, engine.Options{})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	got := map[string][]string{}
	var all []string
	for d, err := range r.Documents(s.Context(), engine.ListOptions{}) {
		if err != nil {
			return nil, err
		}
		all = append(all, d.ID)
	}
	got["list"] = all
	hits, err := r.Search(s.Context(), [][]float32{s.docs[0].Vector}, engine.SearchOptions{K: 1000})
	if err != nil {
		return nil, err
	}
	for _, h := range hits[0] {
		got["search"] = append(got["search"], h.ID)
	}
	var wanted []string
	for _, d := range s.docs {
		wanted = append(wanted, d.ID)
	}
	docs, _, err := r.Get(s.Context(), wanted, false)
	for _, d := range docs {
		got["get"] = append(got["get"], d.ID)
	}
	return got, err
}

// answers holds what a node answers against the documents.
func (s *cluster) answers(node int) {
	s.Helper()
	got, err := s.ids(s.c.URL(node, collectionOf(s.url)))
	if err != nil {
		s.Fatal(err)
	}
	for what, ids := range got {
		var missing []string
		for _, d := range s.docs {
			if !slices.Contains(ids, d.ID) {
				missing = append(missing, d.ID)
			}
		}
		if len(ids) != len(s.docs) || len(missing) > 0 {
			s.Errorf("node %d: %s gives %d documents of %d, and not %q", node, what, len(ids), len(s.docs), missing)
		}
	}
}

// holder is the node that has the only shard of a collection.
func (s *cluster) holder(class string) int {
	s.Helper()
	answer, err := http.Get(s.c.Base() + "/v1/nodes/" + class + "?output=verbose")
	if err != nil {
		s.Fatal(err)
	}
	defer answer.Body.Close()
	var all struct {
		Nodes []struct {
			Name   string
			Shards []struct{ Class string }
		}
	}
	if err := json.NewDecoder(answer.Body).Decode(&all); err != nil {
		s.Fatal(err)
	}
	for _, n := range all.Nodes {
		if len(n.Shards) == 1 && n.Shards[0].Class == class {
			node, err := strconv.Atoi(strings.TrimPrefix(n.Name, "node"))
			if err != nil {
				s.Fatal(err)
			}
			return node
		}
	}
	s.Fatalf("no node has %s: %+v", class, all)
	return 0
}

// inPart holds that the documents within reach are found when only these are asked for, where the state is
// within reach.
func (s *cluster) inPart() {
	s.Helper()
	var told string
	r, err := weaviate.Open(s.Context(), s.url, engine.Options{Partial: true, Notice: func(text string) { told = text }})
	if err != nil {
		s.Fatal(err)
	}
	defer r.Close()
	var hits [][]engine.Hit
	for asked := 0; ; asked++ { // the others take some seconds to notice
		hits, err = r.Search(s.Context(), [][]float32{s.docs[0].Vector}, engine.SearchOptions{K: 1000})
		if !unavailable(err) {
			break
		}
		if asked == 100 {
			s.Fatalf("a partial search: %v", err)
		}
	}
	if err != nil {
		s.Fatal(err)
	}
	if len(hits[0]) == 0 || len(hits[0]) >= len(s.docs) || told != fmt.Sprintf("partial: of %d documents %d are within reach", len(s.docs), len(hits[0])) {
		s.Errorf("a partial search finds %d of %d documents, and says %q", len(hits[0]), len(s.docs), told)
	}
}

// settle waits until all replicas of the store answer.
func (s *cluster) settle() {
	s.Helper()
	for try := 0; ; try++ {
		w, err := weaviate.OpenWriter(s.Context(), s.url, engine.Options{LockTimeout: 2 * time.Minute}) // longer than a lock counts
		if err == nil {
			err = w.Close()
		}
		if err == nil {
			return
		}
		if !unavailable(err) || try == 100 {
			s.Fatal(err)
		}
	}
}

// killedWhileWriting kills a node amid commits.
func (s *cluster) killedWhileWriting() {
	s.Helper()
	more := records(len(s.docs), 400)
	kill := make(chan struct{})
	go func() {
		<-kill
		s.c.Kill(1)
	}()
	w, err := weaviate.OpenWriter(s.Context(), s.url, engine.Options{LockTimeout: time.Minute})
	if err != nil {
		s.Fatal(err)
	}
	committed := s.docs
	for i, page := range slices.Collect(slices.Chunk(more, 20)) {
		if i == 3 {
			close(kill)
		}
		if err = s.write(w, page); err != nil {
			break
		}
		committed = slices.Concat(committed, page)
	}
	if err == nil || !unavailable(err) {
		s.Fatalf("a writer without a third of the replicas: %v", err)
	}
	s.Logf("%d committed: %v", len(committed), err)
	_ = w.Close() // it cannot end as it should
	s.c.Revive(s.T, 1)
	s.settle()
	got, err := s.ids(s.url)
	if err != nil {
		s.Fatal(err)
	}
	// The commit that failed may have been made: its last answer was lost.
	if n := len(got["list"]); n != len(committed) && n != len(committed)+20 {
		s.Errorf("%d documents were committed, and there are %d", len(committed), n)
	}
	if w, err = weaviate.OpenWriter(s.Context(), s.url, engine.Options{}); err != nil {
		s.Fatal(err)
	}
	for page := range slices.Chunk(more, 20) {
		if err := s.write(w, page); err != nil {
			s.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		s.Fatal(err)
	}
	s.docs = slices.Concat(s.docs, more)
	for node := range 3 {
		s.answers(node)
	}
	if problems, err := weaviate.Check(s.Context(), s.url, engine.Options{}, false); err != nil || len(problems) > 0 {
		s.Errorf("check: %+v, %v", problems, err)
	}
}

// write gives the source of a page its documents.
func (s *cluster) write(w *weaviate.Writer, page []engine.Document) error {
	key := "/" + page[0].Source
	known, err := w.SourcesByKey(s.Context(), []string{key})
	if err != nil {
		return err
	}
	src := known[key]
	src.Key, src.Name = key, page[0].Source
	r, err := w.Replace(s.Context(), src)
	if err != nil {
		return err
	}
	matches, err := w.Match(s.Context(), src, page)
	if err != nil {
		return err
	}
	for i, d := range page {
		if matches[i].Kept {
			err = r.Keep(matches[i], d)
		} else {
			err = r.Add(s.Context(), d, d.Vector, engine.Given)
		}
		if err != nil {
			return err
		}
	}
	r.Done(src)
	return w.Commit(s.Context())
}

// records makes documents, 20 of a source.
func records(first, n int) (docs []engine.Document) {
	random := rand.New(rand.NewPCG(3, uint64(first)))
	for i := first; i < first+n; i++ {
		docs = append(docs, engine.Document{
			ID: fmt.Sprint("id", i), Text: fmt.Sprint("text ", i), Source: fmt.Sprint("s", i/20), Metadata: metadata.Raw(fmt.Appendf(nil, `{"n":%d}`, i)), Vector: vectorOf(random, 8),
		})
	}
	return docs
}

func vectorOf(random *rand.Rand, dim int) []float32 {
	x := make([]float32, dim)
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	return x
}

// collectionOf is the collection that a URL names.
func collectionOf(url string) string {
	name, _, _ := strings.Cut(url[strings.LastIndexByte(url, '/')+1:], "?")
	return name
}
