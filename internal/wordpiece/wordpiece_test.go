package wordpiece_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

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
	return wordpiece.New(v, wordpiece.Rules{})
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

// TestRandom compares with what Hugging Face's tokenizers 0.23.3 made of random
// characters.
func TestRandom(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/random.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Text string
		IDs  []int32
	}
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 300 {
		t.Fatalf("%d texts, want 300", len(rows))
	}
	tok := newTokenizer(t)
	for _, row := range rows {
		if got := tok.Append(nil, row.Text); !slices.Equal(got, row.IDs) {
			t.Errorf("%+q: ids %v, want %v", row.Text, got, row.IDs)
		}
	}
}

// TestEveryCodePoint compares with what Hugging Face's tokenizers 0.23.3 makes of every code
// point, alone and between letters, by a hash over code points and ids. A newer Unicode in
// Go's tables breaks it: then unicode8.go wants the difference.
func TestEveryCodePoint(t *testing.T) {
	t.Parallel()
	tok := newTokenizer(t)
	for _, test := range []struct{ before, after, want string }{
		{"", "", "f31e6cf9cfe048331cad4fab949a415c0757071f570a4e13e70f0037542ee883"},
		{"a", "b", "5ec9682a0a8fd72c93c048e263eb63f40839dfcf2e7612b2d9cf8c929a62ca19"},
	} {
		h := sha256.New()
		var ids []int32
		var line []byte
		for c := rune(0); c <= unicode.MaxRune; c++ {
			if !utf8.ValidRune(c) {
				continue
			}
			ids = tok.Append(ids[:0], test.before+string(c)+test.after)
			line = binary.LittleEndian.AppendUint32(line[:0], uint32(c))
			for _, id := range ids {
				line = binary.LittleEndian.AppendUint32(line, uint32(id))
			}
			h.Write(line)
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != test.want {
			t.Errorf("between %q and %q: hash %s, want %s", test.before, test.after, got, test.want)
		}
	}
}

func TestAppend(t *testing.T) {
	t.Parallel()
	tok := newTokenizer(t)
	const unknown = 100
	for _, test := range []struct {
		name, text string
		want       []int32
	}{
		{"appends", "hello", []int32{7592}},
		{"invalid bytes are dropped", "he\xffllo\xc3", []int32{7592}},
		{"only invalid bytes", "\xff\xfe", nil},
		{"accents", "h\u00e9llo he\u0301llo", []int32{7592, 7592}},
		{"a mark after ASCII", "hell\u0301o", []int32{7592}},
		{"special token glued to text", "hello[SEP]hello", []int32{7592, 102, 7592}},
		{"special token inside a run", "\u00e9[MASK]\u00e9", []int32{1041, 103, 1041}},
		{"special token in lower case", "[sep]", []int32{1031, 19802, 1033}},
		{"101 letters", strings.Repeat("a", 101), []int32{unknown}},
		{"101 wide letters", strings.Repeat("\u0435", 101), []int32{unknown}},
		{"101 letters, one of them dropped", strings.Repeat("\u0435", 50) + "\u200b" + strings.Repeat("\u0435", 50), tok.Append(nil, strings.Repeat("\u0435", 100))},
		{"ideographic space", "hello\u3000hello", []int32{7592, 7592}},
		{"next line is a control", "hel\u0085lo", []int32{7592}},
		{"Greek question mark", "a\u037e", []int32{1037, 1025}},
	} {
		if got := tok.Append([]int32{-1}, test.text); !slices.Equal(got[1:], test.want) || got[0] != -1 {
			t.Errorf("%s: ids %v, want %v", test.name, got[1:], test.want)
		}
	}
}

func TestAppendASCIIAllocatesNothing(t *testing.T) {
	tok := newTokenizer(t)
	ids := make([]int32, 0, 100)
	if n := testing.AllocsPerRun(10, func() { ids = tok.Append(ids[:0], "No allocation, antidisestablishmentarianism [SEP] or not!") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzAppend tests that ids are in the vocabulary, and that white space separates words.
func FuzzAppend(f *testing.F) {
	for _, row := range readReference(f).Rows {
		f.Add(row.Text, "next")
	}
	f.Add("\xff[SEP", "]\u0301")
	tok := newTokenizer(f)
	f.Fuzz(func(t *testing.T, a, b string) {
		ids := tok.Append(nil, a)
		for _, id := range ids {
			if id < 0 || id >= 30522 {
				t.Fatalf("%q: id %d", a, id)
			}
		}
		if got, want := tok.Append(nil, a+"\n"+b), tok.Append(ids, b); !slices.Equal(got, want) {
			t.Errorf("%q and %q: ids %v together, %v apart", a, b, got, want)
		}
	})
}
