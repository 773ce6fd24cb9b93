package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sheaf/internal/engine"
	"sheaf/internal/metadata"
)

// opsDifferences are the steps of testdata/ops at which sheaf deliberately differs
// from LangChain; docs/langchain.md has the reasons. Steps at which LangChain
// damages a store are marked in the data and are not here.
var opsDifferences = map[string]string{
	"delete-same-id-twice-in-one-call 2": "an id given twice is deleted once",
	"delete-edge-arguments 2":            "no ids are nothing to do",
	"add-bad-arguments 5":                "no documents are nothing to do",
	"merge-twice 5":                      "equal documents are skipped",
	"add-documents-ids 2":                "a document without an id gets one",
	"add-documents-ids 3":                noIDs,
}

// noIDs is the only difference after which the stores stay different.
const noIDs = "documents without ids get different ones"

type opsSequence struct {
	Name  string
	Dim   int
	Steps []opsStep
}

type opsStep struct {
	Op, Store, From  string
	Dim              int
	DistanceStrategy string `json:"distance_strategy"`
	Documents        []opsDocument
	IDs              []string
	Metadatas        *[]json.RawMessage
	Result           json.RawMessage
	Error            *struct{ Type, Message string }
	Corrupted        []string
	State            map[string]struct {
		Ntotal    int
		IDs       []string
		Positions []int
	}
	Search *struct {
		Query   []float32
		K       int
		Results []opsHit
	}
}

type opsDocument struct {
	ID       string          `json:"id"`
	Text     string          `json:"text"`
	Metadata json.RawMessage `json:"metadata"`
	Vector   []float32       `json:"vector"`
}

// opsHit is [id, score].
type opsHit struct {
	id    string
	score float64
}

func (h *opsHit) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &[]any{&h.id, &h.score}) }

// TestLangChainOps runs the recorded sequences of operations. After each step every
// store must have the documents and the answers of LangChain's; where LangChain's is
// damaged, those of a store that did what it was asked.
func TestLangChainOps(t *testing.T) {
	t.Parallel()
	langChainOps(t, func(t *testing.T) string { return filepath.Join(t.TempDir(), "store") })
}

// langChainOps runs the sequences over stores of which newStore gives the names.
func langChainOps(t *testing.T, newStore func(t *testing.T) string) {
	t.Helper()
	text, err := os.ReadFile("testdata/ops/sequences.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct{ Sequences []opsSequence }
	if err := json.Unmarshal(text, &recorded); err != nil {
		t.Fatal(err)
	}
	if len(recorded.Sequences) != 21 {
		t.Errorf("%d sequences", len(recorded.Sequences))
	}
	for _, seq := range recorded.Sequences {
		t.Run(seq.Name, func(t *testing.T) {
			t.Parallel()
			r := &opsRun{t: t, newStore: newStore, root: t.TempDir(), dirs: map[string]string{}, names: map[string]string{}, held: map[string][]opsDocument{}}
			for i, step := range seq.Steps {
				r.what = fmt.Sprintf("step %d (%s)", i, step.Op)
				difference := opsDifferences[fmt.Sprintf("%s %d", seq.Name, i)]
				if difference == "" {
					r.step(step, step.Error != nil)
					continue
				}
				t.Run(difference, func(t *testing.T) {
					r.t = t
					r.apart = r.apart || difference == noIDs
					r.step(step, false)
				})
				r.t = t
			}
		})
	}
}

// step runs a step, which must be refused or not, and checks the stores after it.
func (r *opsRun) step(step opsStep, refused bool) {
	if got := r.do(step); got != refused {
		r.t.Fatalf("%s: refused: %v, want %v", r.what, got, refused)
	}
	r.compare(step)
}

// opsRun is the state of a sequence: the stores, and the documents that they must have.
type opsRun struct {
	t     *testing.T
	root  string            // of files
	what  string            // the step, for messages
	made  int               // folders and files so far
	apart bool              // the stores are not LangChain's any more
	dirs  map[string]string // the names of stores

	newStore func(t *testing.T) string

	names map[string]string        // LangChain's name of an id that was made here
	held  map[string][]opsDocument // by store
}

// sheaf runs a command line on a store.
func (r *opsRun) sheaf(name string, args ...string) (code int, out, errs string) {
	s, o, e := recorded("")
	code = Main(r.t.Context(), append(args, "--config", os.DevNull, "--store", r.dirs[name]), s)
	return code, o.String(), e.String()
}

// do runs a step and reports whether it was refused.
func (r *opsRun) do(step opsStep) (refused bool) {
	switch step.Op {
	case "create":
		return r.create(step)
	case "add", "add_documents":
		return r.add(step)
	case "delete":
		return r.delete(step)
	case "merge_from":
		return r.merge(step)
	case "get_by_ids":
		r.get(step)
		return false
	}
	r.t.Fatalf("unknown operation %q", step.Op)
	return false
}

func (r *opsRun) path() string {
	r.made++
	return filepath.Join(r.root, fmt.Sprint(r.made))
}

func (r *opsRun) create(step opsStep) bool {
	metrics := map[string]string{"EUCLIDEAN_DISTANCE": "l2", "MAX_INNER_PRODUCT": "ip"}
	r.dirs[step.Store], r.held[step.Store] = r.newStore(r.t), nil
	code, _, errs := r.sheaf(step.Store, "init", "--embedder", "none", "--dimensions", fmt.Sprint(step.Dim), "--metric", metrics[step.DistanceStrategy])
	if code != exitOK {
		r.t.Fatalf("%s: %s", r.what, errs)
	}
	return false
}

// add imports documents as LangChain adds them: all of them or none. Those without
// ids are ingested as records, which get ids. Lists of different lengths cannot be
// given, because a record has text, id and metadata together.
func (r *opsRun) add(step opsStep) bool {
	docs := slices.Clone(step.Documents)
	if step.Metadatas != nil && len(*step.Metadatas) != len(docs) || len(step.IDs) > 0 && len(step.IDs) != len(docs) {
		return true
	}
	nameless := false
	for i := range docs {
		d := &docs[i]
		if step.IDs != nil {
			d.ID = ""
		}
		if len(step.IDs) > 0 {
			d.ID = step.IDs[i]
		}
		if d.Metadata == nil {
			d.Metadata = json.RawMessage(`{}`)
		}
		d.Metadata = compacted(r.t, d.Metadata)
		nameless = nameless || d.ID == ""
	}
	if nameless {
		r.ingest(step, docs)
		return false
	}
	w, err := everywhere{}.OpenWriter(r.t.Context(), r.dirs[step.Store], engine.Options{LockTimeout: 10 * time.Second})
	if err != nil {
		r.t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.Merge(r.t.Context(), []engine.Snapshot{{Transfers: opsTransfers(r.path(), docs)}}, engine.OnConflictFail); err != nil {
		return true
	}
	r.held[step.Store] = append(slices.Clone(r.held[step.Store]), docs...)
	return false
}

func opsTransfers(source string, docs []opsDocument) iter.Seq2[engine.Transfer, error] {
	return func(yield func(engine.Transfer, error) bool) {
		for _, d := range docs {
			doc := engine.Document{ID: d.ID, Text: d.Text, Metadata: metadata.Raw(d.Metadata), Vector: d.Vector}
			if !yield(engine.Transfer{Document: doc, From: engine.Source{Key: source, Name: source}}, nil) {
				return
			}
		}
	}
}

// ingest adds documents of which some have no id, and records the ids that they get.
func (r *opsRun) ingest(step opsStep, docs []opsDocument) {
	var lines bytes.Buffer
	for _, d := range docs {
		fields := map[string]any{"text": d.Text, "metadata": d.Metadata, "vector": d.Vector}
		if d.ID != "" {
			fields["id"] = d.ID
		}
		b, err := json.Marshal(fields)
		if err != nil {
			r.t.Fatal(err)
		}
		lines.Write(append(b, '\n'))
	}
	file := r.path() + ".jsonl"
	if err := os.WriteFile(file, lines.Bytes(), 0o666); err != nil {
		r.t.Fatal(err)
	}
	if code, _, errs := r.sheaf(step.Store, "ingest", "--quiet", file); code != exitOK {
		r.t.Fatalf("%s: %s", r.what, errs)
	}
	var named []string
	if step.Result != nil {
		if err := json.Unmarshal(step.Result, &named); err != nil {
			r.t.Fatal(err)
		}
	}
	all := r.list(step.Store)
	for i, d := range all[len(all)-len(docs):] {
		if docs[i].ID == "" && named != nil {
			r.names[d.ID] = named[i]
		}
		if docs[i].ID != "" && docs[i].ID != d.ID || d.ID == "" {
			r.t.Errorf("%s: id %q became %q", r.what, docs[i].ID, d.ID)
		}
		docs[i].ID = d.ID
	}
	r.held[step.Store] = append(slices.Clone(r.held[step.Store]), docs...)
}

func (r *opsRun) delete(step opsStep) bool {
	args := append([]string{"delete"}, step.IDs...)
	if step.IDs != nil && len(step.IDs) == 0 { // as opposed to none given
		args = append(args, "-")
	}
	code, _, errs := r.sheaf(step.Store, args...)
	if code != exitOK {
		if code != exitFailed && code != exitUsage {
			r.t.Errorf("%s: exit code %d: %s", r.what, code, errs)
		}
		return true
	}
	r.held[step.Store] = slices.DeleteFunc(slices.Clone(r.held[step.Store]), func(d opsDocument) bool { return slices.Contains(step.IDs, d.ID) })
	return false
}

func (r *opsRun) merge(step opsStep) bool {
	code, _, errs := r.sheaf(step.Store, "merge", r.dirs[step.From])
	if code != exitOK {
		if code != exitFailed {
			r.t.Errorf("%s: exit code %d: %s", r.what, code, errs)
		}
		return true
	}
	mine := slices.Clone(r.held[step.Store])
	for _, d := range r.held[step.From] {
		if !slices.ContainsFunc(mine, func(m opsDocument) bool { return m.ID == d.ID }) {
			mine = append(mine, d)
		}
	}
	r.held[step.Store] = mine
	return false
}

// get compares the documents that get prints. Ids that LangChain ignores silently are
// named by sheaf, with exit code 1.
func (r *opsRun) get(step opsStep) {
	var want []opsDocument
	if err := json.Unmarshal(step.Result, &want); err != nil {
		r.t.Fatal(err)
	}
	if len(step.IDs) == 0 {
		return // nothing asked: sheaf get has no such form
	}
	wantCode := exitOK
	if len(want) < len(step.IDs) {
		wantCode = exitFailed
	}
	code, out, errs := r.sheaf(step.Store, append([]string{"get", "--jsonl"}, step.IDs...)...)
	if code != wantCode || code == exitFailed && !strings.Contains(errs, "no document has the id") {
		r.t.Errorf("%s: exit code %d: %s", r.what, code, errs)
	}
	got := decodeDocuments(r.t, out)
	for i := range want {
		want[i].Metadata = compacted(r.t, want[i].Metadata)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Errorf("%s: %s", r.what, diff)
	}
}

// compare compares every store with the documents that it must have, and with
// LangChain's where that is not damaged.
func (r *opsRun) compare(step opsStep) {
	for name, want := range r.held {
		if diff := cmp.Diff(want, r.list(name), cmpopts.EquateEmpty()); diff != "" {
			r.t.Fatalf("%s: store %s: %s", r.what, name, diff)
		}
		state, recorded := step.State[name]
		if !recorded || r.apart || slices.Contains(step.Corrupted, name) {
			continue
		}
		ids := []string{}
		for _, d := range want {
			ids = append(ids, r.named(d.ID))
		}
		if diff := cmp.Diff(state.IDs, ids); diff != "" || state.Ntotal != len(ids) {
			r.t.Fatalf("%s: store %s has not LangChain's %d documents: %s", r.what, name, state.Ntotal, diff)
		}
	}
	if step.Search != nil {
		r.search(step, !r.apart && !slices.Contains(step.Corrupted, step.Store))
	}
}

// search compares an answer with the distances of all documents, and with LangChain's
// where that is not damaged.
func (r *opsRun) search(step opsStep, sound bool) {
	query, err := json.Marshal(step.Search.Query)
	if err != nil {
		r.t.Fatal(err)
	}
	code, out, errs := r.sheaf(step.Store, "search-vector", "--json", "-k", fmt.Sprint(step.Search.K), string(query))
	if code != exitOK {
		r.t.Fatalf("%s: %s", r.what, errs)
	}
	var got struct {
		Metric string
		Hits   []struct {
			ID    string
			Score float64
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		r.t.Fatal(err)
	}
	answer := []opsHit{}
	for _, h := range got.Hits {
		answer = append(answer, opsHit{h.ID, h.Score})
	}
	if want := nearestOf(r.held[step.Store], step.Search.Query, step.Search.K, got.Metric); !slices.Equal(want, answer) {
		r.t.Errorf("%s: found %v, want %v", r.what, answer, want)
	}
	for i := range answer {
		answer[i].id = r.named(answer[i].id)
	}
	if sound && !slices.Equal(step.Search.Results, answer) {
		r.t.Errorf("%s: found %v, LangChain %v", r.what, answer, step.Search.Results)
	}
}

// nearestOf computes an answer from all documents. With the recorded numbers sums are
// exact in any order.
func nearestOf(docs []opsDocument, query []float32, k int, metric string) []opsHit {
	hits := []opsHit{}
	for _, d := range docs {
		var l2, ip float64
		for i, x := range d.Vector {
			delta := float64(x) - float64(query[i])
			l2, ip = l2+delta*delta, ip+float64(x)*float64(query[i])
		}
		if metric == "ip" {
			l2 = -ip
		}
		hits = append(hits, opsHit{d.ID, l2})
	}
	slices.SortStableFunc(hits, func(a, b opsHit) int {
		switch {
		case a.score < b.score:
			return -1
		case a.score > b.score:
			return 1
		}
		return 0
	})
	hits = hits[:min(k, len(hits))]
	for i := range hits {
		if metric == "ip" {
			hits[i].score = -hits[i].score
		}
	}
	return hits
}

func (r *opsRun) named(id string) string {
	if name, ok := r.names[id]; ok {
		return name
	}
	return id
}

func (r *opsRun) list(name string) []opsDocument {
	code, out, errs := r.sheaf(name, "list", "--jsonl", "--with-vectors")
	if code != exitOK {
		r.t.Fatalf("%s: %s", r.what, errs)
	}
	return decodeDocuments(r.t, out)
}

func decodeDocuments(t *testing.T, lines string) (docs []opsDocument) {
	t.Helper()
	for line := range strings.Lines(lines) {
		var d opsDocument
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		docs = append(docs, d)
	}
	return docs
}

func compacted(t *testing.T, raw json.RawMessage) json.RawMessage {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
