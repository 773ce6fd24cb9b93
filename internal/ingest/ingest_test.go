package ingest_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/ingest"
	"sheaf/internal/store"
)

// childEnv makes the test binary ingest the folder that it names, and exit.
const childEnv = "SHEAF_TEST_INGEST"

// commitEnv holds how many documents that ingest commits at once; 0: the default.
const commitEnv = "SHEAF_TEST_COMMIT"

func childOptions(commit int) string { return strconv.Itoa(commit) }

// optionsOf reads what childOptions made. Only documents make a commit due: a
// busy machine must not.
func optionsOf(commit string) ingest.Options {
	n, _ := strconv.ParseInt(commit, 10, 64)
	return ingest.Options{BatchSize: 50, CommitDocuments: n, CommitEvery: time.Hour}
}

// limitEnv bounds the size of the files that this ingest may write, as a full
// disk would.
const limitEnv = "SHEAF_TEST_FILE_SIZE"

func TestMain(m *testing.M) {
	if url := os.Getenv(serviceEnv); url != "" {
		if err := ingestByService(context.Background(), url, os.Getenv(childEnv), os.Getenv(textEnv)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if dir := os.Getenv(childEnv); dir != "" {
		limitFiles(os.Getenv(limitEnv))
		if _, err := run(context.Background(), dir, hashed{}, optionsOf(os.Getenv(commitEnv))); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// hashed is an embedder whose vectors tell texts apart and cost nothing.
type hashed struct{}

const hashedDim = 8

func (hashed) Identity() embed.Identity {
	return embed.Identity{Provider: "hashed", Dim: hashedDim, Fingerprint: "1"}
}

func (hashed) Embed(_ context.Context, texts []string) (embed.Result, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = vectorOf(text)
	}
	return embed.Result{Vectors: vectors}, nil
}

func vectorOf(text string) []float32 {
	h := fnv.New32a()
	h.Write([]byte(text))
	v := make([]float32, hashedDim)
	for i := range v {
		h.Write([]byte{byte(i)})
		v[i] = float32(h.Sum32()%2000)/1000 - 1
	}
	return v
}

// run ingests the folder text of a project into the project's store.
func run(ctx context.Context, project string, e embed.Embedder, o ingest.Options) (sum ingest.Summary, err error) {
	if len(o.Roots) == 0 {
		o.Roots = []string{filepath.Join(project, "text")}
	}
	return runInto(ctx, filepath.Join(project, ".sheaf"), e, o)
}

// runInto ingests into the store at dir, which is made where it is missing.
func runInto(ctx context.Context, dir string, e embed.Embedder, o ingest.Options) (sum ingest.Summary, err error) {
	options := engine.Options{LockTimeout: 10 * time.Second}
	w, err := store.OpenWriter(ctx, dir, options)
	if errors.Is(err, engine.ErrNotExist) {
		w, err = store.Create(ctx, dir, engine.Facts{Embedder: "hashed", Fingerprint: "1", Dim: hashedDim, Metric: engine.L2}, options)
	}
	if err != nil {
		return sum, err
	}
	o.BatchSize = cmp.Or(o.BatchSize, 128)
	sum, err = ingest.Run(ctx, w, e, storeOptions(o, dir))
	return sum, errors.Join(err, w.Close())
}

// storeOptions completes options by what depends on the folder of the store.
func storeOptions(o ingest.Options, dir string) ingest.Options {
	o.Store, o.Walk.SkipDir = dir, store.Is
	home, err := store.Home(dir)
	if err != nil {
		panic(err)
	}
	o.Home = home
	return o
}

func ingestHere(t *testing.T, project string) ingest.Summary {
	t.Helper()
	sum, err := run(t.Context(), project, hashed{}, ingest.Options{})
	if err != nil {
		t.Errorf("ingesting %s: %v", filepath.Base(project), err)
	}
	return sum
}

// documents lists a project's store: id, text and place of each document. A
// vector that is not its text's is an error.
func documents(t *testing.T, project string) (docs []string) {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(project, ".sheaf"), engine.Options{LockTimeout: 10 * time.Second})
	if err != nil {
		t.Errorf("opening: %v", err)
		return nil
	}
	defer s.Close()
	for d, err := range s.Documents(t.Context(), engine.ListOptions{WithVectors: true}) {
		if err != nil {
			t.Errorf("listing: %v", err)
			return nil
		}
		docs = append(docs, fmt.Sprintf("%s:%d-%d %s %s", filepath.Base(d.Source), d.StartLine, d.EndLine, d.Text, d.Metadata))
		if !slices.Equal(d.Vector, vectorOf(d.Text)) {
			t.Errorf("text %q has the vector of another", d.Text)
		}
	}
	return docs
}

// writeTree writes a project's texts: version 0 is small, 2 and 3 are 1 with one
// file changed, one gone short, and one added, which in 2 is too long for one
// transaction.
func writeTree(t *testing.T, project string, version int) {
	t.Helper()
	files := map[string]int{"a.jsonl": 1, "b.jsonl": 1, "c.jsonl": 1}
	switch version {
	case 1:
		files = map[string]int{"a.jsonl": 30, "b.jsonl": 30}
	case 2:
		files = map[string]int{"a.jsonl": 40, "b.jsonl": 10, "long.jsonl": 1100}
	case 3:
		files = map[string]int{"a.jsonl": 40, "b.jsonl": 10, "long.jsonl": 200}
	}
	for name, lines := range files {
		var text []byte
		for i := range lines {
			text = fmt.Appendf(text, "{\"text\": \"line %d of %s, in its own words\", \"metadata\": {\"v\": %d}}\n", i, name, i%3)
		}
		writeFile(t, filepath.Join(project, "text", name), text)
	}
}

func writeFile(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o666); err != nil {
		t.Fatal(err)
	}
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Error(err)
	}
}
