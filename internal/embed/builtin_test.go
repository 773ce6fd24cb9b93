package embed

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"math"
	"os"
	"strings"
	"testing"

	"sheaf/internal/wordpiece"
)

var update = flag.Bool("update", false, "write builtin/vocab.index again")

func TestBuiltinIndex(t *testing.T) {
	index, err := wordpiece.BuildIndex(builtinVocab)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("builtin/vocab.index", index, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(index) != string(builtinIndex) {
		t.Error("builtin/vocab.index is not the index of builtin/vocab.txt: run go generate")
	}
}

// TestBuiltinFacts compares the constants with the files.
func TestBuiltinFacts(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("builtin/model.json")
	if err != nil {
		t.Fatal(err)
	}
	var model struct {
		Name       string
		Dim        int
		VocabSize  int `json:"vocab_size"`
		Matrix     struct{ SHA256 string }
		Scale      struct{ SHA256 string }
		Vocabulary struct{ SHA256 string } `json:"vocab"`
	}
	if err := json.Unmarshal(data, &model); err != nil {
		t.Fatal(err)
	}
	if model.Dim != builtinDim || model.VocabSize != builtinVocabulary {
		t.Errorf("model.json says %d x %d, the code %d x %d", model.VocabSize, model.Dim, builtinVocabulary, builtinDim)
	}
	for file, want := range map[string]struct {
		data []byte
		hash string
	}{
		"matrix": {builtinMatrix, model.Matrix.SHA256},
		"scale":  {builtinScale, model.Scale.SHA256},
		"vocab":  {builtinVocab, model.Vocabulary.SHA256},
	} {
		if got := sha256.Sum256(want.data); hex.EncodeToString(got[:]) != want.hash {
			t.Errorf("%s: sha256 %x, model.json says %s", file, got, want.hash)
		}
	}
	if want := model.Name + "@" + model.Matrix.SHA256[:12]; builtinFingerprint != want {
		t.Errorf("fingerprint %q, want %q", builtinFingerprint, want)
	}
	longest, largest := 0, float32(0)
	for piece := range strings.Lines(string(builtinVocab)) {
		longest = max(longest, len(piece)-len("\n"))
	}
	for i := 0; i < len(builtinScale); i += 4 {
		largest = max(largest, math.Float32frombits(binary.LittleEndian.Uint32(builtinScale[i:])))
	}
	if longest != builtinLongest || largest != builtinMaxScale {
		t.Errorf("longest piece %d, largest scale %v; the code says %d and %v", longest, largest, builtinLongest, builtinMaxScale)
	}
}

func newTestBuiltin(t testing.TB, o Options) Embedder {
	t.Helper()
	e, err := NewBuiltin("", o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestBuiltinReference compares with the model's own implementation.
func TestBuiltinReference(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/reference_static.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Text   string
		Vector []float64
	}
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 63 {
		t.Fatalf("%d reference texts, want 63", len(rows))
	}
	texts := make([]string, len(rows))
	for i, row := range rows {
		texts[i] = row.Text
	}
	vectors, err := Vectors(t.Context(), newTestBuiltin(t, Options{}), texts)
	if err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	for i, row := range rows {
		for j, want := range row.Vector {
			diff := math.Abs(float64(vectors[i][j]) - want)
			worst = max(worst, diff)
			if !(diff <= 1e-4) {
				t.Errorf("%q: number %d is %v, want %v", row.Text, j, vectors[i][j], want)
				break
			}
		}
	}
	t.Logf("largest difference %.2g", worst)
}

// BenchmarkBuiltin embeds chunks of 1,000 characters of prose on one core.
func BenchmarkBuiltin(b *testing.B) {
	e := newTestBuiltin(b, Options{})
	prose := "The harbour town woke slowly that morning while gulls circled above the quay and the fishing boats came back over the bar, low in the water; " +
		"nobody had expected so much mackerel in November. "
	texts := make([]string, 64)
	for i := range texts {
		texts[i] = strings.Repeat(prose, 6)[i : i+1000]
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Vectors(b.Context(), e, texts); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*float64(len(texts))/b.Elapsed().Seconds(), "chunks/s")
}

// BenchmarkBuiltinFirst makes an embedder and a query's vector, as one search
// does.
func BenchmarkBuiltinFirst(b *testing.B) {
	for b.Loop() {
		if _, err := Vectors(b.Context(), newTestBuiltin(b, Options{}), []string{"how does a crash leave the store"}); err != nil {
			b.Fatal(err)
		}
	}
}
