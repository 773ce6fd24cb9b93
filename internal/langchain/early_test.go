package langchain_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/faiss"
	"sheaf/internal/langchain"
)

// writeListed writes a store as Python does: its positions take the ids of the documents
// from the memo. ids are instructions that push an id, positions the documents of the
// vectors, and between is executed between the two dicts.
func writeListed(t *testing.T, ids []string, between string, positions []int, vectors int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	var stream strings.Builder
	stream.WriteString("clangchain_community.docstore.in_memory\nInMemoryDocstore\n)\x81}V_dict\n}(")
	for i, id := range ids {
		fmt.Fprintf(&stream, "%sp%d\nclangchain.schema\nDocument\n)\x81}V__dict__\n}Vpage_content\nVtext %d\nssb", id, i, i)
	}
	stream.WriteString("usb" + between + "}(")
	for label, doc := range positions {
		fmt.Fprintf(&stream, "K%sg%d\n", []byte{byte(label)}, doc)
	}
	stream.WriteString("u\x86.")
	var index bytes.Buffer
	rows := make([]langchain.Document, vectors)
	for i := range rows {
		rows[i].Vector = []float32{float32(i)}
	}
	err := errors.Join(langchain.WriteIndex(&index, langchain.Shape{Dim: 1, Metric: faiss.L2}, int64(vectors), sequence(rows)),
		os.WriteFile(langchain.DocumentsFile(dir, "index"), []byte(stream.String()), 0o666), os.WriteFile(langchain.IndexFile(dir, "index"), index.Bytes(), 0o666))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// documents reads a store up to its first error.
func documents(t *testing.T, dir string, o langchain.Options) (docs []langchain.Document, err error) {
	t.Helper()
	s, err := langchain.OpenFolder(t.Context(), dir, "index", o)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for d, err := range s.Documents(t.Context()) {
		if err != nil {
			return docs, err
		}
		d.Vector = append([]float32(nil), d.Vector...)
		docs = append(docs, d)
	}
	return docs, nil
}

// TestEarly: documents that come in the order of the index are given while the pickle is
// read, and all of them come in that order. What is wrong with the end of the pickle is
// said after them.
func TestEarly(t *testing.T) {
	t.Parallel()
	texts := []string{"Va\n", "Vb\n", "Vc\n"}
	tests := map[string]struct {
		ids       []string
		positions []int
		early     int
	}{
		"in order":            {texts, []int{0, 1, 2}, 3},
		"the other way round": {texts, []int{2, 1, 0}, 1},
		"one left out":        {texts, []int{0, 2}, 2},
		"one again":           {texts, []int{0, 1, 0, 2}, 2},
		"an id of no text":    {[]string{"Va\n", "K\x07", "Vc\n"}, []int{0, 1, 2}, 1},
		"no id":               {[]string{"N", "Vb\n"}, []int{0, 1}, 0},
	}
	for name, tt := range tests {
		n := len(tt.positions)
		compareEarly(t, name, writeListed(t, tt.ids, "", tt.positions, n))
		docs, err := documents(t, writeListed(t, tt.ids, "", tt.positions, n+1), langchain.Options{})
		if bad := (*langchain.IndexError)(nil); len(docs) != tt.early || !errors.As(err, &bad) {
			t.Errorf("%s: %d documents, %v, want %d and an IndexError", name, len(docs), err, tt.early)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		ids, positions := make([]string, 8), make([]int, random.IntN(12))
		for i := range ids {
			ids[i] = fmt.Sprintf("V%d\n", i)
		}
		for i := range positions {
			if positions[i] = i * len(ids) / len(positions); random.IntN(4) == 0 {
				positions[i] = random.IntN(len(ids))
			}
		}
		compareEarly(t, fmt.Sprint(positions), writeListed(t, ids, "", positions, len(positions)))
	}
}

// compareEarly compares the documents of a folder with those that come when the pickle is
// read before them.
func compareEarly(t *testing.T, name, dir string) {
	t.Helper()
	want, err := documents(t, dir, langchain.Options{TextsOnly: true})
	if err != nil {
		t.Fatal(name, err)
	}
	for i := range want {
		want[i].Vector = []float32{float32(i)}
	}
	got, err := documents(t, dir, langchain.Options{})
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%s: %v %s", name, err, diff)
	}
}

// TestEarlyChanges: ids that change before the positions name them are an error, and not
// other documents.
func TestEarlyChanges(t *testing.T) {
	t.Parallel()
	const swap = "g1\np2\n0g0\np1\n0g2\np0\n0"
	docs, err := documents(t, writeListed(t, []string{"Va\n", "Vb\n"}, swap, []int{0, 1}, 2), langchain.Options{})
	if bad := (*langchain.FormatError)(nil); len(docs) != 2 || !errors.As(err, &bad) || !strings.Contains(err.Error(), "entry 0 of index_to_docstore_id changes") {
		t.Errorf("%d documents, %v", len(docs), err)
	}
}

// TestVectorsOfOneWithoutID: a document gets only one id where it has none.
func TestVectorsOfOneWithoutID(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"N", "V\n"} {
		docs, err := documents(t, writeListed(t, []string{id, "Va\n"}, "", []int{0, 1, 0}, 3), langchain.Options{})
		if bad := (*langchain.FormatError)(nil); len(docs) != 2 || !errors.As(err, &bad) || !strings.Contains(err.Error(), "one document without an id") {
			t.Errorf("%d documents, %v", len(docs), err)
		}
	}
}

// TestEarlyEnough: nothing follows the last document that is wanted.
func TestEarlyEnough(t *testing.T) {
	t.Parallel()
	s, err := langchain.OpenFolder(t.Context(), writeListed(t, []string{"Va\n", "Vb\n"}, "", []int{0, 1}, 2), "index", langchain.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for d, err := range s.Documents(t.Context()) {
		if d.ID != "a" || err != nil {
			t.Errorf("%+v, %v", d, err)
		}
		break
	}
}
