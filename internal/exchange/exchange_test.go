package exchange_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/exchange"
	"sheaf/internal/hint"
	"sheaf/internal/langchain"
	"sheaf/internal/metadata"
	"sheaf/internal/provider"
	"sheaf/internal/seq"
	"sheaf/internal/vector"
)

// snapshot returns a store of documents with two numbers each.
func snapshot(docs ...engine.Document) engine.Snapshot {
	all := make([]engine.Transfer, len(docs))
	for i, d := range docs {
		all[i].Document = d
	}
	return engine.Snapshot{Facts: engine.Facts{Dim: 2, Metric: engine.Cosine}, Documents: int64(len(docs)), Transfers: seq.Of(all)}
}

var bees = []engine.Document{
	{ID: "a", Text: "Bees <dance>.", Metadata: metadata.Raw([]byte(`{"page":1}`)), Source: "bees.txt", StartIndex: -1, Vector: []float32{1, 0}},
	{ID: "b", Text: "Bees sleep.", Source: "bees.txt", StartIndex: -1, Vector: []float32{0, 1}},
}

func open(t *testing.T, path string, o exchange.Options) (*exchange.Input, error) {
	t.Helper()
	if o.IndexName == "" {
		o.IndexName = langchain.DefaultName
	}
	in, err := exchange.Open(t.Context(), path, o)
	if err == nil {
		t.Cleanup(func() {
			if err := in.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return in, err
}

func collect(docs iter.Seq2[engine.Transfer, error]) (all []engine.Transfer, err error) {
	for t, err := range docs {
		if err != nil {
			return all, err
		}
		all = append(all, t)
	}
	return all, nil
}

// TestRoundTrip checks that each format reads what it writes, and is detected.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, f := range exchange.Writable() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "bees"+strings.Join(f.Extensions[:min(1, len(f.Extensions))], ""))
			remarks, err := f.Write(exchange.Output{Snapshot: snapshot(bees...), Path: path, IndexName: langchain.DefaultName})
			if err != nil {
				t.Fatal(err)
			}
			if fromLangChain := f.Name == "langchain" || f.Name == "bytes"; fromLangChain != (len(remarks) == 2) {
				t.Errorf("remarks: %q", remarks)
			}
			in, err := open(t, path, exchange.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if byName, known := exchange.ByExtension(path); in.Format != f.Name || in.Dim != 2 || in.Empty || byName.Name != f.Name || !known {
				t.Errorf("%+v", in)
			}
			checkBees(t, f.Name, in)
		})
	}
}

func checkBees(t *testing.T, format string, in *exchange.Input) {
	t.Helper()
	all, err := collect(in.Transfers(engine.Facts{}))
	if err != nil || len(all) != len(bees) {
		t.Fatalf("%d documents, %v", len(all), err)
	}
	for i, d := range bees {
		got := all[i]
		if format == "faiss" { // vectors alone
			d.ID, d.Text, d.Metadata = got.ID, "", metadata.Object{}
		}
		if got.ID != d.ID || got.Text != d.Text || !got.Metadata.Equal(d.Metadata) || !reflect.DeepEqual(got.Vector, d.Vector) || got.From.Name == "" {
			t.Errorf("document %d: %+v", i, got)
		}
	}
}

// TestStdout checks that a format of one file goes to stdout as to a file.
func TestStdout(t *testing.T) {
	t.Parallel()
	for _, f := range exchange.Writable() {
		if f.Several {
			continue
		}
		path := filepath.Join(t.TempDir(), "file")
		var out bytes.Buffer
		for _, o := range []exchange.Output{{Path: "-", Stdout: &out}, {Path: path}} {
			o.Snapshot = snapshot(bees...)
			if _, err := f.Write(o); err != nil {
				t.Fatal(err)
			}
		}
		if file, err := os.ReadFile(path); err != nil || !bytes.Equal(file, out.Bytes()) {
			t.Errorf("%s: stdout and a file differ, %v", f.Name, err)
		}
		in, err := open(t, "-", exchange.Options{Stdin: &out})
		if err != nil || in.Format != f.Name || !strings.HasPrefix(in.Name, engine.StdinPrefix) {
			t.Errorf("%s: %+v, %v", f.Name, in, err)
		}
	}
}

// TestWriteFails checks that documents that end with an error leave nothing.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, f := range exchange.Writable() {
		dir := t.TempDir()
		s := snapshot(bees...)
		s.Transfers = func(yield func(engine.Transfer, error) bool) { yield(engine.Transfer{}, broken) }
		_, err := f.Write(exchange.Output{Snapshot: s, Path: filepath.Join(dir, "out"), IndexName: langchain.DefaultName})
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v", f.Name, err)
		}
		files, _ := filepath.Glob(filepath.Join(dir, "*", "*"))
		if more, _ := filepath.Glob(filepath.Join(dir, "*.*")); len(files)+len(more) > 0 {
			t.Errorf("%s: left %q", f.Name, append(files, more...))
		}
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	if f, ok := exchange.Lookup("sheaf"); !ok || f.WriteHelp != "" {
		t.Errorf("%+v, %v", f, ok)
	}
	if _, ok := exchange.Lookup("xml"); ok {
		t.Error("there is a format xml")
	}
	for path, want := range map[string]string{
		"a": "langchain", "a.d/b/": "langchain", ".a": "langchain", "a.1": "langchain", "a.": "langchain", "a.txt": "", "a.tar.gz": "",
		"a.NDJSON": "jsonl", "a.pkl": "bytes",
	} {
		got, known := exchange.ByExtension(path)
		if known != (want != "") || known && got.Name != want {
			t.Errorf("%s: %s, %v, want %s", path, got.Name, known, want)
		}
	}
}

// npyFile returns a matrix of n rows of two numbers.
func npyFile(n int) string {
	return string(vector.NpyHeader(int64(n), 2)) + string(vector.Bytes(make([]float32, 2*n)))
}

// TestMalformed checks that malformed files are errors that name the file.
func TestMalformed(t *testing.T) {
	t.Parallel()
	const line = `{"text": "a", "vector": [1, 2]}` + "\n"
	for name, test := range map[string]struct {
		files   map[string]string
		open    string
		problem string
	}{
		"unknown":      {map[string]string{"a": "What?"}, "a", "none of the formats"},
		"bad line":     {map[string]string{"a.jsonl": line + "{"}, "a.jsonl", "line 2: not JSON"},
		"no vector":    {map[string]string{"a.jsonl": line + `{"text": "b"}`}, "a.jsonl", "it has no vector"},
		"missing rows": {map[string]string{"a.npy": npyFile(1), "a.jsonl": line + line}, "a.npy", "it has 1 rows and there are more documents"},
		"more rows":    {map[string]string{"a.npy": npyFile(2), "a.jsonl": line}, "a.npy", "it has more rows than the 1 documents"},
		"cut rows":     {map[string]string{"a.npy": npyFile(2)[:130], "a.jsonl": line + line}, "a.npy", "ends after"},
		"cut header":   {map[string]string{"a.npy": npyFile(2)[:20]}, "a.npy", "EOF"},
		"not there":    {nil, "a.npy", "no such file"},
		"node of text": {map[string]string{"default__vector_store.json": `{"embedding_dict": {"n": [1]}}`,
			"docstore.json": `{"docstore/data": {"n": {"__data__": "{}"}}}`}, "", `document "n": "__data__" cannot be a JSON string`},
		"node of a number": {map[string]string{"default__vector_store.json": `{"embedding_dict": {"n": [1]}}`,
			"docstore.json": `{"docstore/data": {"n": 5}}`}, "", `document "n": it is a JSON number and not an object`},
		"infinite value": {map[string]string{"a.npy": npyFile(1)[:128] + "\x00\x00\x80\x7f\x00\x00\x80\x7f"}, "a.npy", "+Inf"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, content := range test.files {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			in, err := open(t, filepath.Join(dir, test.open), exchange.Options{})
			if err == nil {
				_, err = collect(in.Transfers(engine.Facts{}))
				err = in.About(err)
			}
			var usage *vector.Error
			if err == nil || !strings.Contains(err.Error(), test.problem) || strings.Count(err.Error(), "importing ") != 1 || errors.As(err, &usage) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestOpenStore(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	_, err := open(t, t.TempDir(), exchange.Options{Format: "sheaf", OpenStore: func(context.Context, string) (engine.Snapshot, func() error, error) {
		return engine.Snapshot{}, nil, broken
	}})
	if !errors.Is(err, broken) {
		t.Error(err)
	}
	closed := false
	in, err := exchange.Open(t.Context(), t.TempDir(), exchange.Options{Format: "sheaf", OpenStore: func(context.Context, string) (engine.Snapshot, func() error, error) {
		return snapshot(bees...), func() error { closed = true; return broken }, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	checkBees(t, in.Format, in)
	if err := in.Close(); !closed || !errors.Is(err, broken) {
		t.Errorf("closed %v, %v", closed, err)
	}
}

func TestTextsOnly(t *testing.T) {
	t.Parallel()
	faiss, _ := exchange.Lookup("faiss")
	path := filepath.Join(t.TempDir(), "a.faiss")
	if _, err := faiss.Write(exchange.Output{Snapshot: snapshot(bees...), Path: path}); err != nil {
		t.Fatal(err)
	}
	o := exchange.Options{Options: langchain.Options{TextsOnly: true}}
	if _, err := open(t, path, o); !errors.Is(err, exchange.ErrNoTexts) || hint.Of(err) == "" {
		t.Error(err)
	}
	records := filepath.Join(t.TempDir(), "a.jsonl")
	if err := os.WriteFile(records, []byte(`{"text": "a"}`), 0o666); err != nil {
		t.Fatal(err)
	}
	in, err := open(t, records, o)
	if err != nil {
		t.Fatal(err)
	}
	all, err := collect(exchange.Embed(t.Context(), builtin(t), 2, 1, in.Transfers(engine.Facts{})))
	if err != nil || len(all) != 1 || len(all[0].Vector) != 256 || all[0].Origin != engine.Embedded {
		t.Errorf("%+v, %v", all, err)
	}
}

func builtin(t *testing.T) embed.Embedder {
	t.Helper()
	e, err := provider.New("builtin", embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestVerify(t *testing.T) {
	t.Parallel()
	e := builtin(t)
	good, err := collect(exchange.Embed(t.Context(), e, 1, 10, snapshot(bees...).Transfers))
	if err != nil {
		t.Fatal(err)
	}
	if all, err := collect(exchange.Verify(t.Context(), e, seq.Of(good))); err != nil || len(all) != len(good) {
		t.Errorf("its own vectors: %d documents, %v", len(all), err)
	}
	good[1].Vector = good[0].Vector
	if _, err := collect(exchange.Verify(t.Context(), e, seq.Of(good))); err == nil || !strings.Contains(err.Error(), `"b"`) || hint.Of(err) == "" {
		t.Errorf("another vector: %v", err)
	}
}
