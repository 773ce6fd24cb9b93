package unigram_test

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math/rand/v2"
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
	return open(t, modelData(t))
}

// modelData returns the model with all that is known of it.
func modelData(t testing.TB) unigram.Data {
	t.Helper()
	pieces, scores := model(t)
	d := data(t, read(t, modelFolder+"charsmap.bin"), pieces, scores)
	d.Plain, d.Apart = true, true
	return d
}

// data returns a model of which nothing is promised.
func data(t testing.TB, charsmap string, pieces []string, scores []float32) unigram.Data {
	t.Helper()
	trie, unitScores, err := unigram.Build(pieces, scores)
	if err != nil {
		t.Fatal(err)
	}
	return unigram.Data{Charsmap: charsmap, Trie: trie, Scores: unitScores, Least: slices.Min(scores)}
}

func open(t testing.TB, d unigram.Data) *unigram.Tokenizer {
	t.Helper()
	tokenizer, err := unigram.Open(d)
	if err != nil {
		t.Fatal(err)
	}
	return tokenizer
}

// unpromised returns the tokenizer of a model that uses nothing that is promised of it.
func unpromised(t testing.TB, d unigram.Data) *unigram.Tokenizer {
	t.Helper()
	d.Plain, d.Apart = false, false
	return open(t, d)
}

// apart reports whether words are split by themselves, as [unigram.Data] has it.
func apart(pieces []string, scores []float32) bool {
	const space = "▁"
	return slices.Contains(pieces, space) &&
		!slices.ContainsFunc(pieces, func(p string) bool { return strings.LastIndex(p, space) > 0 }) &&
		!slices.ContainsFunc(scores, func(s float32) bool { return !(s <= 0) })
}

// TestPromises holds what is promised of the model against its pieces, and its ids against those
// that are made without: of all pairs of ASCII characters, and of long texts whose words repeat in
// another order.
func TestPromises(t *testing.T) {
	t.Parallel()
	if !apart(model(t)) {
		t.Fatal("words are not split by themselves")
	}
	d := modelData(t)
	fast, slow := open(t, d), unpromised(t, d)
	compare := func(text string) {
		if got, want := fast.Append(nil, text), slow.Append(nil, text); !slices.Equal(got, want) {
			t.Errorf("%.200q:\n got %v\nwant %v", text, got, want)
		}
	}
	for a := range rune(0x80) {
		var pairs []rune
		for b := range rune(0x80) {
			pairs = append(pairs, 'x', a, b, ' ', a, 'y')
		}
		compare(string(pairs))
	}
	var words []string
	for _, row := range reference(t) {
		words = append(words, strings.Fields(row.Text)...)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for length := 10; length <= 10_000; length *= 10 {
		for range 10_000 / length {
			some := make([]string, length)
			for i := range some {
				some[i] = words[rng.IntN(len(words))]
			}
			compare(strings.Join(some, " "))
		}
	}
}

// TestRounding splits a word that two paths cover so nearly alike that the text before it decides.
func TestRounding(t *testing.T) {
	t.Parallel()
	d := data(t, "\x00\x00\x00\x00", []string{"", "▁", "▁a", "b", "▁ab", "▁word"}, []float32{0, -9, -1.7, -2.6, -4.3, -7.3})
	d.Apart = true
	text := strings.Repeat("ab ab word ", 1000)
	got, want := open(t, d).Append(nil, text), unpromised(t, d).Append(nil, text)
	if !slices.Equal(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
	if !slices.Contains(want, 2) || !slices.Contains(want, 4) {
		t.Errorf("%v has one path alone", want)
	}
}

// TestNormalizer shows what becomes of a text before it is split.
func TestNormalizer(t *testing.T) {
	t.Parallel()
	tokenizer := open(t, data(t, charsmap(t, map[string]string{"A": "a", "AA": "xy", "\t": " ", "-": ""}),
		[]string{"", "▁", "a", "b", "▁a", "xy"}, []float32{0, -1, -1, -1, -1, -1}))
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

// BenchmarkAppend splits the reference texts of a language, in pieces of 1,000 characters.
func BenchmarkAppend(b *testing.B) {
	t := openModel(b)
	rows := reference(b)
	for _, language := range []string{"en", "de", "ru", "ja"} {
		b.Run(language, func(b *testing.B) {
			var all strings.Builder
			for _, row := range rows {
				if row.Language == language {
					all.WriteString(row.Text + "\n")
				}
			}
			var texts []string
			for text := range slices.Chunk([]rune(all.String()), 1000) {
				texts = append(texts, string(text))
			}
			var ids []int32
			for b.Loop() {
				for _, text := range texts {
					ids = t.Append(ids[:0], text)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(len([]rune(all.String())))*1000, "µs/1000-characters")
		})
	}
}
