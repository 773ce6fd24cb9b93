package embed_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/embed"
	"sheaf/internal/transformer/transformertest"
)

// xlmrFolder is a small XLM-R, with what sentence-transformers computes with it; see record.py there.
const xlmrFolder = "testdata/xlmr"

// TestXLMR compares the ids and vectors of questions and passages in 23 languages.
func TestXLMR(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join(xlmrFolder, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Prompt, Text string
		IDs          []int32
		Vector       []float64
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) < 60 {
		t.Fatal(len(cases), err)
	}
	for _, test := range []struct {
		name, spec, kernel string
		tolerance          float64
	}{{"float32", "", "", 1e-5}, {"portable", "", "generic", 1e-5}, {"int8", ":int8", "", .05}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			passages := mustNew(t, "hf:./"+xlmrFolder+test.spec, embed.Options{Kernel: test.kernel})
			bare := mustNew(t, "hf:./"+xlmrFolder+test.spec, embed.Options{Query: new(string), Passage: new(string)})
			prompts := map[string]embed.Embedder{"query": embed.ForQuestions(passages), "passage": passages}
			for _, c := range cases {
				if got := embed.Tokens(bare, c.Prompt+": "+c.Text); !slices.Equal(got, c.IDs) {
					t.Errorf("%s %q: ids %v, want %v", c.Prompt, c.Text, got, c.IDs)
				}
				result, err := prompts[c.Prompt].Embed(t.Context(), []string{c.Text})
				if err != nil {
					t.Fatal(err)
				}
				for i, x := range result.Vectors[0] {
					if !(math.Abs(float64(x)-c.Vector[i]) < test.tolerance) {
						t.Errorf("%s %q: number %d is %v, want %v", c.Prompt, c.Text, i, x, c.Vector[i])
						break
					}
				}
			}
		})
	}
}

// copyOf copies a file between folders.
func copyOf(t *testing.T, name, from, to string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(from, name))
	if err != nil {
		t.Fatal(err)
	}
	put(t, to, name, string(data))
}

// multilingualBERT is a BERT with the tokenizer of an XLM-R, as multilingual-e5-small and
// paraphrase-multilingual-MiniLM-L12-v2 are, and what else their tokenizer_config.json says.
func multilingualBERT(t *testing.T, config string) string {
	t.Helper()
	dir := folder(t, transformertest.Model{Vocabulary: 222})
	copyOf(t, "tokenizer.json", xlmrFolder, dir)
	put(t, dir, "tokenizer_config.json", config)
	return dir
}

// A BERT can have the tokenizer of an XLM-R, which settings of a BERT's do not change.
func TestMultilingualBERT(t *testing.T) {
	t.Parallel()
	dir := multilingualBERT(t, `{"do_lower_case": true, "strip_accents": null, "cls_token": "<s>", "sep_token": {"content": "</s>"}}`)
	e := mustNew(t, "hf:"+dir, embed.Options{})
	xlmr := mustNew(t, "hf:./"+xlmrFolder, embed.Options{Query: new(string), Passage: new(string)})
	const text = "Die SCHLÜSSEL"
	if got, want := embed.Tokens(e, text), embed.Tokens(xlmr, text); !slices.Equal(got, want) || got[0] != 0 || got[len(got)-1] != 2 {
		t.Errorf("ids %v, want %v", got, want)
	}
	if r, err := e.Embed(t.Context(), []string{text}); err != nil || len(r.Vectors[0]) != 24 {
		t.Errorf("%v, %v", r, err)
	}
	other := multilingualBERT(t, `{}`)
	file, err := os.ReadFile(filepath.Join(other, "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, other, "tokenizer.json", strings.Replace(string(file), `"unk_id": 3`, `"unk_id": 4`, 1))
	if a, b := e.Identity().Fingerprint, mustNew(t, "hf:"+other, embed.Options{}).Identity().Fingerprint; a == b {
		t.Errorf("another tokenizer has the fingerprint %s, too", a)
	}
}
