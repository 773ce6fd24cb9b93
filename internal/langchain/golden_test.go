package langchain_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/faiss"
	"sheaf/internal/langchain"
	"sheaf/internal/langchain/langchaintest"
)

// inProcess serves foreign indexes without the limits that cmd puts on a
// process for it: what is served here was written by Faiss.
var inProcess = langchain.Options{
	Foreign: func(_ context.Context, f *os.File, offset, size int64) (io.ReadCloser, error) {
		r, w := io.Pipe()
		go func() { w.CloseWithError(langchain.Serve(f, offset, size, w)) }()
		return r, nil
	},
}

// expected is what LangChain says of a store.
type expected struct {
	IndexFile string               `json:"index_file"`
	D         int                  `json:"d"`
	Ntotal    int64                `json:"ntotal"`
	Metric    string               `json:"metric"`
	Mapping   [][2]json.RawMessage `json:"index_to_docstore_id"`
	Documents []struct {
		ID       json.RawMessage `json:"id"`
		Text     string          `json:"page_content"`
		Metadata json.RawMessage `json:"metadata"`
		Plain    json.RawMessage `json:"metadata_plain"`
	} `json:"documents"`
	Vectors [][]float32 `json:"vectors"`
}

func readExpected(t *testing.T, path string) (e expected) {
	t.Helper()
	b, err := fs.ReadFile(langchaintest.Golden(t), path)
	if err == nil {
		err = json.Unmarshal(b, &e)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// compact is a JSON value without blanks and with its texts written one way.
func compact(t *testing.T, raw []byte) string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// collect reads a store's documents, with copies of their vectors.
func collect(t *testing.T, s *langchain.Store) (docs []langchain.Document) {
	t.Helper()
	for d, err := range s.Documents(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		d.Vector = append([]float32(nil), d.Vector...)
		docs = append(docs, d)
	}
	return docs
}

func TestStores(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(langchaintest.Golden(t), "stores/*/*/expected.json")
	if err != nil || len(files) < 100 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		folder := strings.TrimSuffix(file, "/expected.json")
		t.Run(strings.TrimPrefix(folder, "stores/"), func(t *testing.T) {
			t.Parallel()
			e := readExpected(t, file)
			name := strings.TrimSuffix(e.IndexFile, ".faiss")
			s, err := langchain.OpenFolder(t.Context(), langchaintest.Dir(t, folder), name, inProcess)
			if strings.HasSuffix(folder, "other_lsh") {
				if err == nil || !strings.Contains(err.Error(), "IndexLSH") {
					t.Fatalf("%v, want a refusal that names IndexLSH", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			checkStore(t, s, e)
		})
	}
}

func TestBytes(t *testing.T) {
	t.Parallel()
	dir := langchaintest.Dir(t, "bytes")
	blobs, err := filepath.Glob(filepath.Join(dir, "*.bin"))
	if err != nil || len(blobs) < 10 {
		t.Fatal(blobs, err)
	}
	for _, blob := range blobs {
		name := strings.TrimSuffix(filepath.Base(blob), ".bin")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := langchain.OpenBytes(t.Context(), blob, inProcess)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			checkStore(t, s, readExpected(t, "bytes/"+name+".expected.json"))
		})
	}
}

func checkStore(t *testing.T, s *langchain.Store, e expected) {
	t.Helper()
	if s.Index.Dim != e.D || s.Index.Ntotal != e.Ntotal || s.Len() != int(e.Ntotal) {
		t.Errorf("%d × %d, want %d × %d", s.Index.Ntotal, s.Index.Dim, e.Ntotal, e.D)
	}
	if want := map[string]string{"INNER_PRODUCT": "ip", "L2": "l2"}[e.Metric]; want != "" && s.Index.Metric.String() != want {
		t.Errorf("metric %v, want %s", s.Index.Metric, want)
	}
	if s.Index.Exact != (e.Vectors != nil || s.Index.Transform == faiss.Normalized) {
		t.Errorf("exact: %v", s.Index.Exact)
	}
	docs := collect(t, s)
	if len(docs) != len(e.Documents) {
		t.Fatalf("%d documents, want %d", len(docs), len(e.Documents))
	}
	// expected.json lists documents in the order of the mapping's entries.
	for i, row := range rowsByLabel(t, e) {
		want := e.Documents[row]
		if got := docs[i].ID; got != wantedID(t, e, row) && !strings.HasPrefix(got, wantedID(t, e, row)+"#") {
			t.Errorf("id %q, want %s", got, want.ID)
		}
		if docs[i].Text != want.Text {
			t.Errorf("%q: text %q, want %q", docs[i].ID, docs[i].Text, want.Text)
		}
		metadata := want.Plain
		if metadata == nil {
			metadata = want.Metadata
		}
		if diff := cmp.Diff(compact(t, metadata), compact(t, docs[i].Metadata)); diff != "" {
			t.Errorf("%q: metadata: %s", docs[i].ID, diff)
		}
		if e.Vectors != nil && fmt.Sprint(docs[i].Vector) != fmt.Sprint(e.Vectors[row]) {
			t.Errorf("%q: vector %v, want %v", docs[i].ID, docs[i].Vector, e.Vectors[row])
		}
	}
}

// rowsByLabel are the rows of expected.json in the order of the index.
func rowsByLabel(t *testing.T, e expected) []int {
	t.Helper()
	labels := make([]int, len(e.Mapping))
	rows := make([]int, len(e.Mapping))
	for i, entry := range e.Mapping {
		if err := json.Unmarshal(entry[0], &labels[i]); err != nil {
			t.Fatal(err)
		}
		rows[i] = i
	}
	slices.SortFunc(rows, func(a, b int) int { return labels[a] - labels[b] })
	return rows
}

// wantedID is the id of a row as docs/langchain.md says it is imported: None is
// none, what is no text is its JSON text.
func wantedID(t *testing.T, e expected, row int) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(e.Mapping[row][1], &v); err != nil {
		t.Fatal(err)
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}
