package wordpiece_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"sheaf/internal/wordpiece"
)

// vocabularyFile is the vocabulary of all-MiniLM-L6-v2, which is BERT's own.
const vocabularyFile = "../embed/builtin/vocab.txt"

var tokenizer = sync.OnceValues(func() (*wordpiece.Tokenizer, error) {
	text, err := os.ReadFile(vocabularyFile)
	if err != nil {
		return nil, err
	}
	v, err := wordpiece.NewVocabulary(text)
	if err != nil {
		return nil, err
	}
	return wordpiece.New(v)
})

func newTokenizer(t testing.TB) *wordpiece.Tokenizer {
	t.Helper()
	tok, err := tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// reference is what Python's tokenizer made: ids with [CLS] and [SEP] around
// them, cut to 256.
type reference struct {
	Rows []struct {
		Text        string
		InputIDs    []int32 `json:"input_ids"`
		Untruncated int     `json:"n_tokens_untruncated"`
	}
}

func readReference(t testing.TB) reference {
	t.Helper()
	data, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var ref reference
	if err := json.Unmarshal(data, &ref); err != nil {
		t.Fatal(err)
	}
	if len(ref.Rows) != 63 {
		t.Fatalf("%d reference texts, want 63", len(ref.Rows))
	}
	return ref
}

func TestReference(t *testing.T) {
	t.Parallel()
	tok := newTokenizer(t)
	for _, row := range readReference(t).Rows {
		got := tok.Append(nil, row.Text)
		if len(got)+2 != row.Untruncated {
			t.Errorf("%q: %d ids, want %d", row.Text, len(got)+2, row.Untruncated)
			continue
		}
		want := row.InputIDs[1 : len(row.InputIDs)-1]
		if !slices.Equal(got[:len(want)], want) {
			t.Errorf("%q: ids %v, want %v", row.Text, got, want)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	tok := newTokenizer(b)
	text := strings.Repeat("How does a crash leave the store? The writer appends rows, syncs, then commits (fsync; rename). ", 11)[:1000]
	var ids []int32
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		ids = tok.Append(ids[:0], text)
	}
}
