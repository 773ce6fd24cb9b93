package embed

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/wordpiece"
)

// controlPieces is the number of pieces, from 0, that match no text.
const controlPieces = 3

var update = flag.Bool("update", false, "write the files again that are made from others")

func TestBuiltinIndex(t *testing.T) {
	index, err := wordpiece.BuildIndex(builtinVocab)
	if err != nil {
		t.Fatal(err)
	}
	const file = "builtin/vocab.index"
	if *update {
		if err := os.WriteFile(file, index, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(index) != string(builtinIndex) {
		t.Errorf("%s is not made from the files beside it: run go generate", file)
	}
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// modelIn has the models of "builtin" by their folders.
var modelIn = map[string]string{"builtin": "", "builtin/first": First, "multilingual": Multilingual}

// TestModelFacts compares the constants with the files.
func TestModelFacts(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"builtin":       {"matrix": string(builtinMatrix), "scale": string(builtinScale), "vocab": string(builtinVocab)},
		"builtin/first": {"matrix": string(firstMatrix), "scale": string(firstScale), "vocab": string(builtinVocab)},
		"multilingual": {"matrix": string(multilingualMatrix), "scale": string(multilingualScale), "scores": readFile(t, "multilingual/scores.f32"),
			"charsmap": multilingualCharsmap, "vocab": readFile(t, "multilingual/pieces.txt")},
	} {
		var facts struct {
			Name string
			Dim  int
			Size int `json:"vocab_size"`
		}
		var hashes map[string]any
		card := []byte(readFile(t, name+"/model.json"))
		if err := json.Unmarshal(card, &facts); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(card, &hashes); err != nil {
			t.Fatal(err)
		}
		for part, data := range files {
			want := hashes[part].(map[string]any)["sha256"]
			if sum := sha256.Sum256([]byte(data)); hex.EncodeToString(sum[:]) != want {
				t.Errorf("%s, %s: sha256 %x, model.json says %s", name, part, sum, want)
			}
		}
		model := newTestBuiltin(t, modelIn[name], Options{}).(*static).staticModel
		if facts.Dim != staticDim || facts.Size*staticDim != len(model.matrix) || facts.Size*4 != len(model.scale) ||
			facts.Size != strings.Count(files["vocab"], "\n") {
			t.Errorf("%s: model.json says %d x %d, the files have others", name, facts.Size, facts.Dim)
		}
		matrix := sha256.Sum256(model.matrix)
		if want := facts.Name + "@" + hex.EncodeToString(matrix[:])[:12]; model.identity.Fingerprint != want {
			t.Errorf("fingerprint %q, want %q", model.identity.Fingerprint, want)
		}
		scales := floats(string(model.scale))
		if largest := float64(slices.Max(scales)); largest != model.maxScale || slices.Min(scales) < 0 {
			t.Errorf("%s: largest scale %v, the code says %v", name, largest, model.maxScale)
		}
	}
}

// TestPieceFacts compares the constants about pieces with the files.
func TestPieceFacts(t *testing.T) {
	t.Parallel()
	longest := 0
	for piece := range strings.Lines(string(builtinVocab)) {
		longest = max(longest, len(piece)-len("\n"))
	}
	if longest != builtinLongest {
		t.Errorf("longest piece %d, the code says %d", longest, builtinLongest)
	}
	if least := slices.Min(floats(readFile(t, "multilingual/scores.f32"))[controlPieces:]); least != multilingualLeastScore {
		t.Errorf("least score %v, the code says %v", least, multilingualLeastScore)
	}
}

func floats(data string) (numbers []float32) {
	for i := 0; i < len(data); i += 4 {
		numbers = append(numbers, math.Float32frombits(binary.LittleEndian.Uint32([]byte(data[i:i+4]))))
	}
	return numbers
}

func newTestBuiltin(t testing.TB, model string, o Options) Embedder {
	t.Helper()
	e, err := NewBuiltin(model, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestBuiltinReference compares with the models' own implementations.
func TestBuiltinReference(t *testing.T) {
	t.Parallel()
	for model, want := range map[string]struct {
		file  string
		texts int
	}{
		"":           {"testdata/reference_builtin.json", 65},
		First:        {"testdata/reference_static.json", 63},
		Multilingual: {"testdata/reference_multilingual.json", 40},
	} {
		var rows []struct {
			Text   string
			IDs    []int32 // not of every model
			Vector []float64
		}
		if err := json.Unmarshal([]byte(readFile(t, want.file)), &rows); err != nil {
			t.Fatal(err)
		}
		if len(rows) != want.texts {
			t.Fatalf("%d reference texts, want %d", len(rows), want.texts)
		}
		e := newTestBuiltin(t, model, Options{})
		worst := 0.0
		for _, row := range rows {
			if ids := e.(*static).tokenizer.Append(nil, row.Text); row.IDs != nil && !slices.Equal(ids, row.IDs) {
				t.Errorf("%q: pieces %v, want %v", row.Text, ids, row.IDs)
			}
			vectors, err := Vectors(t.Context(), e, []string{row.Text})
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range row.Vector {
				diff := math.Abs(float64(vectors[0][i]) - want)
				worst = max(worst, diff)
				if !(diff <= 1e-4) {
					t.Errorf("%q: number %d is %v, want %v", row.Text, i, vectors[0][i], want)
					break
				}
			}
		}
		t.Logf("%s: largest difference %.2g", e.Identity(), worst)
	}
}

// TestBuiltinVersions makes the model that a store's fingerprint names, or else the newest.
func TestBuiltinVersions(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ model, fingerprint, want string }{
		{"", "", builtinFingerprint},
		{"", builtinFingerprint, builtinFingerprint},
		{"", firstFingerprint, firstFingerprint},
		{"", "of another program", builtinFingerprint},
		{First, "", firstFingerprint},
		{First, builtinFingerprint, firstFingerprint},
	} {
		id := newTestBuiltin(t, test.model, Options{Fingerprint: test.fingerprint}).Identity()
		if id.String() != "builtin" || id.Fingerprint != test.want {
			t.Errorf("%q, %q: %s %s, want builtin %s", test.model, test.fingerprint, id, id.Fingerprint, test.want)
		}
	}
}

func TestBuiltinRefuses(t *testing.T) {
	t.Parallel()
	for model, want := range map[string]string{
		"":           `embedder "builtin" makes vectors of 256 numbers, not 3`,
		Multilingual: `embedder "builtin:multilingual" makes vectors of 256 numbers, not 3`,
		"klingon":    `embedder "builtin:klingon": the program has no such model`,
	} {
		if _, err := NewBuiltin(model, Options{Dimensions: 3}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", model, err, want)
		}
	}
}

// BenchmarkBuiltin embeds chunks of 1,000 characters on one core: of the articles in English, and of texts
// in other languages.
func BenchmarkBuiltin(b *testing.B) {
	for _, of := range []struct{ name, model, language string }{
		{"english", "", "en"},
		{"multilingual-english", Multilingual, "en"},
		{"multilingual-german", Multilingual, "de"},
		{"multilingual-russian", Multilingual, "ru"},
		{"multilingual-japanese", Multilingual, "ja"},
	} {
		b.Run(of.name, func(b *testing.B) {
			e := newTestBuiltin(b, of.model, Options{})
			texts := benchmarkTexts(b, of.language)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Vectors(b.Context(), e, texts); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*float64(len(texts))/b.Elapsed().Seconds(), "chunks/s")
		})
	}
}

// benchmarkTexts returns texts of 1,000 characters: the articles, or the reference texts of another
// language than English.
func benchmarkTexts(b *testing.B, language string) (texts []string) {
	b.Helper()
	var words []string
	if language == "en" {
		articles, err := filepath.Glob("../../examples/articles/*.md")
		if err != nil {
			b.Fatal(err)
		}
		for _, name := range articles {
			words = append(words, strings.Fields(readFile(b, name))...)
		}
	} else {
		z, err := gzip.NewReader(strings.NewReader(readFile(b, "../unigram/testdata/reference.jsonl.gz")))
		if err != nil {
			b.Fatal(err)
		}
		for rows := json.NewDecoder(z); ; {
			var row struct{ Language, Text string }
			if err := rows.Decode(&row); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
			if row.Language == language {
				words = append(words, row.Text)
			}
		}
	}
	for text := range slices.Chunk([]rune(strings.Join(words, " ")), 1000) {
		if len(text) == 1000 {
			texts = append(texts, string(text))
		}
	}
	return texts
}

// BenchmarkBuiltinFirst makes an embedder and a query's vector, as one search
// does.
func BenchmarkBuiltinFirst(b *testing.B) {
	for _, model := range []string{"", Multilingual} {
		b.Run(model, func(b *testing.B) {
			for b.Loop() {
				if _, err := Vectors(b.Context(), newTestBuiltin(b, model, Options{}), []string{"how does a crash leave the store"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
