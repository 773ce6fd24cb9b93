package langchain_test

import (
	"bytes"
	"encoding/json"
	"iter"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/faiss"
	"sheaf/internal/langchain"
	"sheaf/internal/langchain/langchaintest"
)

var written = []langchain.Document{
	{ID: "a", Text: "one", Metadata: json.RawMessage(`{"source":"a.txt","n":1,"x":1.0,"deep":{"list":[null,true,-1,"é"],"empty":{}}}`), Vector: []float32{1, 2, 3}},
	{ID: "ü", Text: "", Metadata: json.RawMessage(`{}`), Vector: []float32{float32(math.Copysign(0, -1)), math.SmallestNonzeroFloat32, math.MaxFloat32}},
	{ID: strings.Repeat("long", 100), Text: strings.Repeat("text ", 20000) + "\u0000\U0001f469", Metadata: json.RawMessage(
		`{"big":[18446744073709551616,-9223372036854775809,9223372036854775807,-129,255,256,-2147483649],"f":[1e+300,5e-324,-0.0,0.1]}`), Vector: []float32{0, 0, 0}},
}

func sequence(docs []langchain.Document) iter.Seq2[langchain.Document, error] {
	return func(yield func(langchain.Document, error) bool) {
		for _, d := range docs {
			if !yield(d, nil) {
				return
			}
		}
	}
}

func TestFolderRoundTrip(t *testing.T) {
	t.Parallel()
	for _, metric := range []faiss.Metric{faiss.L2, faiss.InnerProduct} {
		dir := filepath.Join(t.TempDir(), "out")
		n, err := langchain.WriteFolder(dir, "x", langchain.Shape{Dim: 3, Metric: metric}, sequence(written))
		if err != nil || n != 3 {
			t.Fatal(n, err)
		}
		s, err := langchain.OpenFolder(t.Context(), dir, "x", langchain.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if s.Index.Metric != metric || s.Index.Dim != 3 {
			t.Errorf("%+v", s.Index)
		}
		if diff := cmp.Diff(written, collect(t, s)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestBytesRoundTrip(t *testing.T) {
	t.Parallel()
	for _, docs := range [][]langchain.Document{written, nil} {
		var b bytes.Buffer
		again := func() iter.Seq2[langchain.Document, error] { return sequence(docs) }
		if err := langchain.WriteBytes(&b, langchain.Shape{Dim: 3, Metric: faiss.InnerProduct}, int64(len(docs)), again); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "blob")
		if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		s, err := langchain.OpenBytes(t.Context(), path, langchain.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if diff := cmp.Diff(docs, collect(t, s)); diff != "" {
			t.Error(diff)
		}
	}
}

// TestManyRoundTrip has more documents than a batch and more memo slots than a byte.
func TestManyRoundTrip(t *testing.T) {
	t.Parallel()
	src, err := langchain.OpenFolder(t.Context(), langchaintest.Dir(t, "stores/lcc-0.4.2/many"), "index", langchain.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	docs := collect(t, src)
	var all []langchain.Document
	for i := range 10 {
		for _, d := range docs {
			d.ID = string(rune('a'+i)) + d.ID
			all = append(all, d)
		}
	}
	dir := t.TempDir()
	if _, err := langchain.WriteFolder(dir, "index", langchain.Shape{Dim: 4, Metric: faiss.L2}, sequence(all)); err != nil {
		t.Fatal(err)
	}
	s, err := langchain.OpenFolder(t.Context(), dir, "index", langchain.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if diff := cmp.Diff(all, collect(t, s)); diff != "" {
		t.Error(diff)
	}
}

// TestIndexIsFaissOwn: the index file is byte for byte what Faiss wrote.
func TestIndexIsFaissOwn(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"flat_l2", "flat_ip", "empty"} {
		from := langchaintest.Dir(t, "stores/lcc-0.4.2/"+name)
		s, err := langchain.OpenFolder(t.Context(), from, "index", langchain.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		to := t.TempDir()
		if _, err := langchain.WriteFolder(to, "index", langchain.Shape{Dim: s.Index.Dim, Metric: s.Index.Metric}, sequence(collect(t, s))); err != nil {
			t.Fatal(err)
		}
		want, err1 := os.ReadFile(filepath.Join(from, "index.faiss"))
		got, err2 := os.ReadFile(filepath.Join(to, "index.faiss"))
		if err1 != nil || err2 != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: the files differ (%v, %v)", name, err1, err2)
		}
	}
}
