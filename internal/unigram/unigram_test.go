package unigram_test

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/unigram"
)

// modelFolder holds a model of 70,000 pieces.
const modelFolder = "../embed/multilingual/"

func read(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestReference compares with what SentencePiece made of texts in 20 languages and of noise.
func TestReference(t *testing.T) {
	t.Parallel()
	tokenizer := openModel(t)
	languages := map[string]int{}
	for _, row := range reference(t) {
		if got := tokenizer.Append(nil, row.Text); !slices.Equal(got, row.IDs) {
			t.Errorf("%s %q:\n got %v\nwant %v", row.Language, row.Text, got, row.IDs)
		}
		languages[row.Language]++
	}
	if len(languages) < 21 {
		t.Errorf("texts of %d languages only", len(languages))
	}
}

type referenceRow struct {
	Language, Text string
	IDs            []int32
}

func reference(t testing.TB) (rows []referenceRow) {
	t.Helper()
	rows = readRows[referenceRow](t, "testdata/reference.jsonl.gz")
	if len(rows) < 2000 {
		t.Fatalf("%d texts", len(rows))
	}
	return rows
}

// readRows reads a file of JSON, a row a line, that is packed.
func readRows[Row any](t testing.TB, name string) (rows []Row) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(z)
	for lines.Scan() {
		var row Row
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// model returns the pieces of the model and their scores.
func model(t testing.TB) (pieces []string, scores []float32) {
	t.Helper()
	pieces = strings.Split(strings.TrimSuffix(read(t, modelFolder+"pieces.txt"), "\n"), "\n")
	pieces[0], pieces[1], pieces[2] = "", "", "" // match no text
	scores = make([]float32, len(pieces))
	if _, err := binary.Decode([]byte(read(t, modelFolder+"scores.f32")), binary.LittleEndian, scores); err != nil {
		t.Fatal(err)
	}
	return pieces, scores
}

func openModel(t testing.TB) *unigram.Tokenizer {
	t.Helper()
	pieces, scores := model(t)
	trie, unitScores, err := unigram.Build(pieces, scores)
	if err != nil {
		t.Fatal(err)
	}
	tokenizer, err := unigram.Open(unigram.Data{
		Charsmap: read(t, modelFolder+"charsmap.bin"),
		Trie:     trie,
		Scores:   unitScores,
		Least:    slices.Min(scores),
		Plain:    true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return tokenizer
}

// TestNormalizer shows what becomes of a text before it is split.
func TestNormalizer(t *testing.T) {
	t.Parallel()
	trie, scores, err := unigram.Build([]string{"", "▁", "a", "b", "▁a", "xy"}, []float32{0, -1, -1, -1, -1, -1})
	if err != nil {
		t.Fatal(err)
	}
	tokenizer, err := unigram.Open(unigram.Data{
		Charsmap: charsmap(t, map[string]string{"A": "a", "AA": "xy", "\t": " ", "-": ""}),
		Trie:     trie,
		Scores:   scores,
		Least:    -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]int32{
		"":          nil,
		" \t - \t":  nil,
		"-":         nil,
		"a":         {4},
		"\tA":       {4},
		"b":         {1, 3},
		"AA":        {1, 5}, // the longest rule
		"AAA":       {1, 5, 2},
		"a \t  a":   {4, 4},
		"a-b ":      {4, 3},
		"q":         {1, 0},
		"aqqéa":     {4, 0, 2}, // neighbouring unknown characters are one
		"a\xffb":    {4, 0, 3},
		"\u2581a":   {1, 4}, // what writes a space is not one
		"q\xe3\x81": {1, 0},
	} {
		if got := tokenizer.Append(nil, text); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	if got := tokenizer.Append([]int32{0}, "q"); !slices.Equal(got, []int32{0, 1, 0}) {
		t.Errorf("appended to [0]: %v", got)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, pieces := range [][]string{{"a", "b", "a"}, {"a", "\xff"}, {"a\x00"}} {
		if _, _, err := unigram.Build(pieces, make([]float32, len(pieces))); !errors.Is(err, unigram.ErrModel) {
			t.Errorf("%q: %v", pieces, err)
		}
	}
	if _, _, err := unigram.Build([]string{"a"}, nil); !errors.Is(err, unigram.ErrModel) {
		t.Errorf("a piece without a score: %v", err)
	}
	for _, scores := range []string{"", "\x00\x00\x00\x00\x00"} {
		d := unigram.Data{Charsmap: "\x00\x00\x00\x00", Trie: "\x00\x00\x00\x00\x00"[:max(4, len(scores))], Scores: scores}
		if _, err := unigram.Open(d); !errors.Is(err, unigram.ErrModel) {
			t.Errorf("%d bytes of scores: %v", len(scores), err)
		}
	}
	for _, charsmap := range []string{"", "\x00\x00\x00", "\x04\x00\x00\x00abc", "\x03\x00\x00\x00abcd", "\xff\xff\xff\xff"} {
		if _, err := unigram.Open(unigram.Data{Charsmap: charsmap}); !errors.Is(err, unigram.ErrModel) {
			t.Errorf("%q: %v", charsmap, err)
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	pieces, scores := model(b)
	for b.Loop() {
		if _, _, err := unigram.Build(pieces, scores); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	t := openModel(b)
	for name, text := range map[string]string{
		"english":  "The harbour town woke slowly that morning while gulls circled above the quay and the fishing boats came back over the bar, low in the water; ",
		"german":   "Die Hafenstadt erwachte langsam an diesem Morgen, während Möwen über dem Kai kreisten und die Fischerboote zurückkamen. ",
		"japanese": "その朝、港町はゆっくりと目を覚まし、カモメが岸壁の上を旋回し、漁船が砂州を越えて戻ってきた。",
	} {
		b.Run(name, func(b *testing.B) {
			long := string([]rune(strings.Repeat(text, 30))[:1000])
			var ids []int32
			for b.Loop() {
				ids = t.Append(ids[:0], long)
			}
			b.ReportMetric(float64(len(ids)), "pieces")
		})
	}
}
