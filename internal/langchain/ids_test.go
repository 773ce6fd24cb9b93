package langchain_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/faiss"
	"sheaf/internal/langchain"
	"sheaf/internal/pickle"
)

// writeIDs writes a store whose ids are whatever put writes for each number.
func writeIDs(t *testing.T, n int, put func(p *pickle.Writer, i int)) (dir string) {
	t.Helper()
	dir = t.TempDir()
	var docs bytes.Buffer
	p := pickle.NewWriter(&docs)
	p.Class("langchain_community.docstore.in_memory.InMemoryDocstore")
	p.New()
	p.Dict()
	p.Text("_dict")
	p.Dict()
	for i := range n {
		put(p, i)
		p.Class("langchain_core.documents.base.Document")
		p.New()
		if err := p.JSON([]byte(`{"__dict__":{"page_content":"text","metadata":{}}}`)); err != nil {
			t.Fatal(err)
		}
		p.Build()
		p.SetItem()
	}
	p.SetItem()
	p.Build()
	p.Dict()
	for i := range n {
		p.Int(int64(i))
		put(p, i)
		p.SetItem()
	}
	p.Tuple(2)
	var index bytes.Buffer
	vectors := slices.Repeat([]langchain.Document{{Vector: []float32{1}}}, n)
	err := errors.Join(p.Close(), langchain.WriteIndex(&index, langchain.Shape{Dim: 1, Metric: faiss.L2}, int64(n), sequence(vectors)),
		os.WriteFile(langchain.DocumentsFile(dir, "index"), docs.Bytes(), 0o666), os.WriteFile(langchain.IndexFile(dir, "index"), index.Bytes(), 0o666))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestIDsThatAreNoTexts: each document gets an id of its own, and texts keep theirs.
func TestIDsThatAreNoTexts(t *testing.T) {
	t.Parallel()
	ids := []func(*pickle.Writer){
		func(p *pickle.Writer) { p.Int(1) },
		func(p *pickle.Writer) { p.Text("1") },
		func(p *pickle.Writer) { p.Text("1#2") },
		func(p *pickle.Writer) { p.None() },
		func(p *pickle.Writer) { p.Text("") },
		func(p *pickle.Writer) { p.Float(1.5) },
		func(p *pickle.Writer) { p.Int(1); p.Text("a"); p.Tuple(2) },
		func(p *pickle.Writer) { _, _ = p.Bytes(1).Write([]byte("a")) },
		func(p *pickle.Writer) {
			p.Class("uuid.UUID")
			p.New()
			p.Dict()
			p.Text("int")
			p.Int(5)
			p.SetItem()
			p.Build()
		},
	}
	dir := writeIDs(t, len(ids), func(p *pickle.Writer, i int) { ids[i](p) })
	s, err := langchain.OpenFolder(t.Context(), dir, "index", langchain.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var got []string
	for _, d := range collect(t, s) {
		got = append(got, d.ID)
	}
	if want := []string{"1#3", "1", "1#2", "", "", "1.5", `[1, "a"]`, "YQ==", "00000000-0000-0000-0000-000000000005"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if remarks := s.Remarks(); len(remarks) != 1 || !strings.HasPrefix(remarks[0], "6 documents have ids that are no texts") {
		t.Errorf("%q", remarks)
	}
}

func TestIDsTwice(t *testing.T) {
	t.Parallel()
	for want, put := range map[string]func(*pickle.Writer, int){
		`two documents have the id "a"`:   func(p *pickle.Writer, _ int) { p.Text("a") },
		`two documents have the id 1`:     func(p *pickle.Writer, _ int) { p.Int(1) },
		`document that is not there: "1"`: alternating(),
	} {
		_, err := documents(t, writeIDs(t, 2, put), langchain.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// alternating puts ints into the docstore and texts into the mapping.
func alternating() func(*pickle.Writer, int) {
	put := 0
	return func(p *pickle.Writer, i int) {
		if put++; put <= 2 {
			p.Int(int64(i))
		} else {
			p.Text("1")
		}
	}
}

// TestClassOfABase: Python's Faiss calls a flat index IndexFlat where it came
// from a factory, whatever it compares by.
func TestClassOfABase(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := langchain.WriteBytes(&b, langchain.Shape{Dim: 3, Metric: faiss.InnerProduct}, int64(len(written)), func() iter.Seq2[langchain.Document, error] { return sequence(written) }); err != nil {
		t.Fatal(err)
	}
	for class, want := range map[string]string{
		"\x09IndexFlat": "", "\x0bIndexFlatIP": "", "\x0bIndexFlatL2": "the index is called IndexFlatL2 and holds IndexFlatIP", "\x07IndexPQ": "called IndexPQ",
	} {
		path := filepath.Join(t.TempDir(), "blob")
		if err := os.WriteFile(path, bytes.Replace(b.Bytes(), []byte("\x0bIndexFlatIP"), []byte(class), 1), 0o666); err != nil {
			t.Fatal(err)
		}
		s, err := langchain.OpenBytes(t.Context(), path, langchain.Options{})
		if err == nil {
			err = s.Close()
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", class, err, want)
		}
	}
}

// TestHeavyIDs: ids that are no texts share what they are made of in the pickle,
// and not here.
func TestHeavyIDs(t *testing.T) {
	t.Parallel()
	text := func(n int) string {
		return string(binary.LittleEndian.AppendUint32([]byte("X"), uint32(n))) + strings.Repeat("x", n)
	}
	const document = "h\x02)\x81h\x03b"
	head := "clangchain_community.docstore.in_memory\nInMemoryDocstore\n)\x81clangchain.schema\nDocument\nq\x020" +
		"}X\x08\x00\x00\x00__dict__}X\x0c\x00\x00\x00page_contentX\x01\x00\x00\x00xssq\x030"
	var heavy strings.Builder
	for i := range 1200 {
		fmt.Fprintf(&heavy, "h\x01I%d\n\x86%ss", i, document)
	}
	for name, tt := range map[string]struct{ id, docs, positions, want string }{
		"a document":  {text(70_000), "h\x01\x85" + document + "s", "", "an id, a tuple, that would take more than 64 kB"},
		"no document": {text(70_000), "h\x01\x85Ns", "", "an id, a tuple, that would take more than 64 kB"},
		"a position":  {text(70_000), "", "K\x00h\x01\x85s", "an id, a tuple, that would take more than 64 kB"},
		"many":        {text(60_000), heavy.String(), "", "its documents share what they are made of"},
	} {
		dir := t.TempDir()
		stream := tt.id + "q\x00q\x010" + head + "}X\x05\x00\x00\x00_dict}" + tt.docs + "sb}" + tt.positions + "\x86."
		if err := os.WriteFile(langchain.DocumentsFile(dir, "index"), []byte(stream), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := langchain.OpenFolder(t.Context(), dir, "index", langchain.Options{TextsOnly: true})
		if bad := (*langchain.FormatError)(nil); !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %.200v, want an error with %q", name, err, tt.want)
		}
	}
}

// TestOpenIsInterrupted: an interrupt ends the reading of a pickle.
func TestOpenIsInterrupted(t *testing.T) {
	t.Parallel()
	dir := writeIDs(t, 3, func(p *pickle.Writer, i int) { p.Int(int64(i)) })
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	cancel(enough)
	_, err := langchain.OpenFolder(ctx, dir, "index", langchain.Options{TextsOnly: true})
	if bad := (*langchain.FormatError)(nil); !errors.Is(err, enough) || errors.As(err, &bad) {
		t.Errorf("%v, want the reason of the interrupt", err)
	}
	s, err := langchain.OpenFolder(ctx, dir, "index", langchain.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for d, err := range s.Documents(ctx) {
		if bad := (*langchain.FormatError)(nil); !errors.Is(err, enough) || errors.As(err, &bad) {
			t.Errorf("%+v, %v, want the reason of the interrupt", d, err)
		}
	}
}
