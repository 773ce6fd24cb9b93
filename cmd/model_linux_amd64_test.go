//go:build !race

// Not under the race detector: this test looks at what processes leave on the disk.

package cmd

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sheaf/internal/faulttest"
)

// The size of a model test.
const (
	modelSteps   = 500
	modelSources = 4
	modelIDs     = 12 // a source
	modelDim     = 3
)

// TestModel applies random operations to a store and to a model of it in memory:
// ingests, deletes, merges and compactions, some of them killed before one of
// their writes. After each the documents must be equal, and the answers those of a
// brute-force search of the model.
func TestModel(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 2} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			newPlay(t, seed).run()
		})
	}
}

// record is a document of the model, as list --jsonl prints it.
type record struct {
	ID       string         `json:"id"`
	Text     string         `json:"text"`
	Metadata recordMetadata `json:"metadata"`
	Source   string         `json:"source"`
	Vector   []float32      `json:"vector"`
}

type recordMetadata struct {
	Group int `json:"group"`
}

// play is a store, its model, and the source of randomness.
type play struct {
	t      *testing.T
	r      *rand.Rand
	dir    string   // the project
	self   string   // the program
	model  []record // in the order of insertion
	killed int
	done   map[string]int // operations by name
}

func newPlay(t *testing.T, seed uint64) *play {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &play{t: t, r: rand.New(rand.NewPCG(seed, 0)), dir: t.TempDir(), done: map[string]int{}}
	p.self = filepath.Join(p.dir, "sheaf") // the name by which the test binary is the program
	if err := os.Symlink(self, p.self); err != nil {
		t.Fatal(err)
	}
	p.must("init", "--embedder", "none", "--dimensions", fmt.Sprint(modelDim))
	return p
}

func (p *play) run() {
	operations := []struct {
		name   string
		weight int
		do     func() ([]string, []record)
	}{
		{"ingest", 10, p.ingest}, {"delete", 4, p.deleteIDs}, {"delete --filter", 2, p.deleteFilter},
		{"delete --source", 1, p.deleteSource}, {"merge", 4, p.merge}, {"compact", 2, p.compact},
	}
	for step := range modelSteps {
		pick := p.r.IntN(23)
		for _, op := range operations {
			if pick -= op.weight; pick >= 0 {
				continue
			}
			args, next := op.do()
			p.done[op.name]++
			p.attempt(args, next)
			break
		}
		p.check(step)
		if p.t.Failed() {
			return
		}
	}
	p.t.Logf("%d operations were killed, and of each kind these were done: %v", p.killed, p.done)
	if p.killed < modelSteps/20 || len(p.done) < len(operations) {
		p.t.Error("too few of a kind")
	}
}

// attempt runs an operation that leads to the state next, sometimes in a process
// that is killed; then the state is the old or the next one.
func (p *play) attempt(args []string, next []record) {
	if p.r.IntN(6) > 0 {
		p.must(args...)
		p.model = next
		return
	}
	cmd := exec.Command(p.self, onStore(filepath.Join(p.dir, ".sheaf"), args)...)
	cmd.Env = append(os.Environ(), scrubbed(p.dir)...)
	killed, err := faulttest.Kill(cmd, p.dir, 1+p.r.Int64N(40))
	switch {
	case err != nil:
		p.t.Errorf("sheaf %s: %v", strings.Join(args, " "), err)
	case !killed || cmp.Equal(p.stored(), next, cmpopts.EquateEmpty()):
		p.model = next
	}
	if killed {
		p.killed++
	}
}

// must runs a verb in this process and returns its stdout.
func (p *play) must(args ...string) string {
	p.t.Helper()
	s, out, errs := recorded("")
	if code := Main(p.t.Context(), onStore(filepath.Join(p.dir, ".sheaf"), args), s); code != 0 {
		p.t.Fatalf("sheaf %s: exit code %d: %s", strings.Join(args, " "), code, errs)
	}
	return out.String()
}

// stored returns the documents of the store.
func (p *play) stored() []record {
	return p.records(p.must("list", "--jsonl", "--with-vectors"))
}

func (p *play) records(lines string) (all []record) {
	for line := range strings.Lines(lines) {
		var r record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			p.t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// check compares the store and two searches with the model.
func (p *play) check(step int) {
	if diff := cmp.Diff(p.model, p.stored(), cmpopts.EquateEmpty()); diff != "" {
		p.t.Fatalf("step %d: the store is not the model: %s", step, diff)
	}
	query := p.vector()
	k, group := 1+p.r.IntN(8), p.r.IntN(3)
	b, _ := json.Marshal(query)
	args := []string{"search-vector", string(b), "--jsonl", "-k", fmt.Sprint(k)}
	for _, filtered := range []bool{false, true} {
		var want []string
		for _, r := range p.nearest(query) {
			if len(want) < k && (!filtered || r.Metadata.Group == group) {
				want = append(want, r.ID)
			}
		}
		if filtered {
			args = append(args, "--filter", fmt.Sprint("group=", group))
		}
		var got []string
		for _, r := range p.records(p.must(args...)) {
			got = append(got, r.ID)
		}
		if !slices.Equal(got, want) {
			p.t.Fatalf("step %d: %v gives %v, want %v", step, args, got, want)
		}
	}
}

// nearest returns the model sorted by distance; the sort is stable.
func (p *play) nearest(query []float32) []record {
	distance := func(r record) (d float32) {
		for i, x := range r.Vector {
			d += (x - query[i]) * (x - query[i])
		}
		return d
	}
	sorted := slices.Clone(p.model)
	slices.SortStableFunc(sorted, func(a, b record) int { return int(distance(a) - distance(b)) })
	return sorted
}

// vector returns a vector of small integers, so that distances are exact and often equal.
func (p *play) vector() []float32 {
	v := make([]float32, modelDim)
	for i := range v {
		v[i] = float32(p.r.IntN(9) - 4)
	}
	return v
}

// file returns the name of a source.
func (p *play) file(n int) string {
	return filepath.ToSlash(filepath.Join(p.dir, fmt.Sprintf("s%d.jsonl", n)))
}

// source returns new records for a source: some of its ids, some of them with the
// text that they had.
func (p *play) source(n int, old []record) []record {
	name := p.file(n)
	had := map[string]record{}
	for _, r := range old {
		if r.Source == name {
			had[r.ID] = r
		}
	}
	var records []record
	for _, i := range p.r.Perm(modelIDs)[:1+p.r.IntN(modelIDs)] {
		id := fmt.Sprintf("s%d-%d", n, i)
		r, known := had[id]
		if !known || p.r.IntN(3) == 0 {
			r = record{ID: id, Text: fmt.Sprintf("text %d", p.r.IntN(1000)), Source: name, Vector: p.vector()}
		}
		if !known || p.r.IntN(3) == 0 {
			r.Metadata.Group = p.r.IntN(3)
		}
		records = append(records, r)
	}
	return records
}

// write writes records to the file of their source and returns its name.
func (p *play) write(records []record) string {
	var b strings.Builder
	for _, r := range records {
		line, _ := json.Marshal(map[string]any{"id": r.ID, "text": r.Text, "metadata": r.Metadata, "vector": r.Vector})
		fmt.Fprintf(&b, "%s\n", line)
	}
	if err := os.WriteFile(records[0].Source, []byte(b.String()), 0o666); err != nil {
		p.t.Fatal(err)
	}
	return records[0].Source
}

func (p *play) ingest() ([]string, []record) {
	records := p.source(p.r.IntN(modelSources), p.model)
	return []string{"ingest", "--quiet", p.write(records)}, replaced(p.model, records)
}

// replaced returns the state after a source got new records: those that are equal in
// text and vector keep their places.
func replaced(model, records []record) (next []record) {
	news := map[string]record{}
	for _, r := range records {
		news[r.ID] = r
	}
	for _, old := range model {
		r, given := news[old.ID]
		switch {
		case old.Source != records[0].Source:
			next = append(next, old)
		case given && r.Text == old.Text && slices.Equal(r.Vector, old.Vector):
			next = append(next, r)
			delete(news, r.ID)
		}
	}
	for _, r := range records {
		if _, left := news[r.ID]; left {
			next = append(next, r)
		}
	}
	return next
}

// without returns the model without the records for which gone is true.
func (p *play) without(gone func(record) bool) []record {
	return slices.DeleteFunc(slices.Clone(p.model), gone)
}

func (p *play) deleteIDs() ([]string, []record) {
	args := []string{"delete", "--ignore-missing", "no such id"}
	ids := map[string]bool{}
	for range 1 + p.r.IntN(4) {
		if len(p.model) > 0 {
			id := p.model[p.r.IntN(len(p.model))].ID
			args, ids[id] = append(args, id), true
		}
	}
	return args, p.without(func(r record) bool { return ids[r.ID] })
}

func (p *play) deleteFilter() ([]string, []record) {
	group, source := p.r.IntN(3), p.file(p.r.IntN(modelSources))
	return []string{"delete", "--yes", "--filter", fmt.Sprint("group=", group), "--source", source},
		p.without(func(r record) bool { return r.Metadata.Group == group && r.Source == source })
}

func (p *play) deleteSource() ([]string, []record) {
	n := p.r.IntN(modelSources)
	return []string{"delete", "--yes", "--source", fmt.Sprintf("**/s%d.*", n)},
		p.without(func(r record) bool { return r.Source == p.file(n) })
}

func (p *play) compact() ([]string, []record) {
	return []string{"compact"}, p.model
}

// merge makes another store in the same folder, so that names mean the same sources,
// and merges it.
func (p *play) merge() ([]string, []record) {
	other := filepath.Join(p.dir, "other")
	if err := os.RemoveAll(other); err != nil {
		p.t.Fatal(err)
	}
	var theirs []record
	for _, n := range p.r.Perm(modelSources + 1)[:1+p.r.IntN(3)] {
		records := p.source(n, p.model)
		p.must("ingest", "--quiet", "--embedder", "none", "--dimensions", fmt.Sprint(modelDim), p.write(records), "--store", other)
		theirs = append(theirs, records...)
	}
	if p.r.IntN(2) == 0 {
		return []string{"merge", other, "--on-conflict", "skip"}, merged(p.model, theirs, false)
	}
	return []string{"merge", other, "--on-conflict", "replace"}, merged(p.model, theirs, true)
}

// merged returns the state after a merge: a source that differs stays, or is replaced
// by the other store's.
func merged(model, theirs []record, replace bool) []record {
	mine, given := bySource(model), bySource(theirs)
	var next []record
	for _, r := range model {
		if their, both := given[r.Source]; !both || !replace || same(r, their[r.ID]) {
			next = append(next, r)
		}
	}
	for _, r := range theirs {
		own, both := mine[r.Source]
		if !both || replace && !same(r, own[r.ID]) {
			next = append(next, r)
		}
	}
	return next
}

// same reports whether two documents are equal but for their vectors.
func same(a, b record) bool { return a.ID == b.ID && a.Text == b.Text && a.Metadata == b.Metadata }

func bySource(records []record) map[string]map[string]record {
	all := map[string]map[string]record{}
	for _, r := range records {
		if all[r.Source] == nil {
			all[r.Source] = map[string]record{}
		}
		all[r.Source][r.ID] = r
	}
	return all
}
