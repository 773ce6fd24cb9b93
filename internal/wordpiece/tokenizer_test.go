package wordpiece_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/wordpiece"
)

var pieces = []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b", "\"", "\\", "\u00e9", "vocab", "}"}

type object = map[string]any

// tokenizerJSON is a tokenizer that is supported, as an object to change.
func tokenizerJSON() object {
	vocab, added := object{}, []any{}
	for id, piece := range pieces {
		vocab[piece] = id
		if id < 5 {
			added = append(added, object{"id": id, "content": piece, "special": true})
		}
	}
	special := func(name string) object { return object{"SpecialToken": object{"id": name, "type_id": 0}} }
	return object{
		"version":        "1.0",
		"truncation":     object{"max_length": 128},
		"added_tokens":   added,
		"normalizer":     object{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": nil, "lowercase": true},
		"pre_tokenizer":  object{"type": "BertPreTokenizer"},
		"post_processor": object{"type": "TemplateProcessing", "single": []any{special("[CLS]"), object{"Sequence": object{"id": "A"}}, special("[SEP]")}},
		"model":          object{"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocab},
	}
}

func encode(t testing.TB, v any, indent string) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if indent != "" && err == nil {
		data, err = json.MarshalIndent(v, "", indent)
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestReadTokenizer(t *testing.T) {
	t.Parallel()
	want := strings.Join(pieces, "\n") + "\n"
	processed := tokenizerJSON()
	processed["post_processor"] = object{"type": "BertProcessing", "sep": []any{"[SEP]", 3}, "cls": []any{"[CLS]", 2}}
	stripped := tokenizerJSON()
	stripped["normalizer"].(object)["strip_accents"] = true
	for name, data := range map[string][]byte{
		"indented":       encode(t, tokenizerJSON(), "  "),
		"compact":        encode(t, tokenizerJSON(), ""),
		"many blanks":    []byte(strings.ReplaceAll(string(encode(t, tokenizerJSON(), " ")), ": ", "\t :  \r\n")),
		"BertProcessing": encode(t, processed, ""),
		"strip_accents":  encode(t, stripped, ""),
	} {
		vocab, _, err := wordpiece.ReadTokenizer(data, wordpiece.Told{})
		if err != nil || string(vocab) != want {
			t.Errorf("%s: %q, %v, want %q", name, vocab, err, want)
		}
	}
}

// TestReadTokenizerIsTheRealOne reads BERT's own vocabulary from the form that Hugging Face
// writes.
func TestReadTokenizerIsTheRealOne(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(vocabularyFile)
	if err != nil {
		t.Fatal(err)
	}
	vocab, added := object{}, []any{}
	for id, piece := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		vocab[piece] = id
		if slices.Contains(pieces[:5], piece) {
			added = append(added, object{"id": id, "content": piece})
		}
	}
	file := tokenizerJSON()
	file["added_tokens"] = added
	file["model"].(object)["vocab"] = vocab
	got, _, err := wordpiece.ReadTokenizer(encode(t, file, " "), wordpiece.Told{})
	if err != nil || string(got) != string(text) {
		t.Errorf("%d bytes, %v, want %d", len(got), err, len(text))
	}
}

func TestReadTokenizerRefuses(t *testing.T) {
	t.Parallel()
	model := func(key string, value any) func(object) {
		return func(o object) { o["model"].(object)[key] = value }
	}
	normalizer := func(key string, value any) func(object) {
		return func(o object) { o["normalizer"].(object)[key] = value }
	}
	added := func(key string, value any) func(object) {
		return func(o object) { o["added_tokens"].([]any)[4].(object)[key] = value }
	}
	vocab := func(edit func(object)) func(object) {
		return func(o object) { edit(o["model"].(object)["vocab"].(object)) }
	}
	for _, test := range []struct {
		name string
		edit func(object)
		want string
		is   error
	}{
		{"Unigram", model("type", "Unigram"), `its model is "Unigram", not WordPiece`, wordpiece.ErrUnsupported},
		{"unk_token", model("unk_token", "<unk>"), `unk_token "<unk>"`, wordpiece.ErrUnsupported},
		{"prefix", model("continuing_subword_prefix", ""), `continuing_subword_prefix ""`, wordpiece.ErrUnsupported},
		{"word length", model("max_input_chars_per_word", 200), "max_input_chars_per_word 200", wordpiece.ErrUnsupported},
		{"no vocabulary", func(o object) { delete(o["model"].(object), "vocab") }, "not supported: its model has no vocab", wordpiece.ErrUnsupported},
		{"no model", func(o object) { delete(o, "model") }, "not supported: its model has no vocab", wordpiece.ErrUnsupported},
		{"a list of pieces", model("vocab", []string{"a"}), "vocab is no object from pieces to ids", wordpiece.ErrVocabulary},
		{"a vocabulary elsewhere", func(o object) { o["a"] = object{"vocab": object{}} }, "its model has no vocab", wordpiece.ErrUnsupported},
		{"normalizer", normalizer("type", "NFC"), `its normalizer is "NFC", not BertNormalizer`, wordpiece.ErrUnsupported},
		{"no normalizer", func(o object) { o["normalizer"] = nil }, `its normalizer is ""`, wordpiece.ErrUnsupported},
		{"case", normalizer("lowercase", false), "its normalizer has do_lower_case false", wordpiece.ErrUnsupported},
		{"accents", normalizer("strip_accents", false), "its normalizer has strip_accents false", wordpiece.ErrUnsupported},
		{"controls", normalizer("clean_text", false), "leaves out", wordpiece.ErrUnsupported},
		{"ideographs", normalizer("handle_chinese_chars", false), "its normalizer has tokenize_chinese_chars false", wordpiece.ErrUnsupported},
		{"pre-tokenizer", func(o object) { o["pre_tokenizer"] = object{"type": "Whitespace"} }, `its pre_tokenizer is "Whitespace"`, wordpiece.ErrUnsupported},
		{"no post-processor", func(o object) { o["post_processor"] = nil }, "its post_processor is not [CLS] before", wordpiece.ErrUnsupported},
		{"another template", func(o object) { o["post_processor"].(object)["single"] = []any{object{"Sequence": object{}}} }, "its post_processor is not [CLS]", wordpiece.ErrUnsupported},
		{"another token", added("content", "<mask>"), `the added token "<mask>"`, wordpiece.ErrUnsupported},
		{"a token that takes blanks", added("lstrip", true), `the added token "[MASK]"`, wordpiece.ErrUnsupported},
		{"a token by another id", added("id", 5), `the added token "[MASK]" has an id of its own`, wordpiece.ErrUnsupported},
		{"a token beyond the end", added("id", 500), `the added token "[MASK]" has an id of its own`, wordpiece.ErrUnsupported},
		{"a token missing", func(o object) { o["added_tokens"] = o["added_tokens"].([]any)[:4] }, "not all of [[UNK] [CLS] [SEP] [MASK] [PAD]] are added tokens", wordpiece.ErrUnsupported},
		{"ids with a gap", vocab(func(v object) { v["z"] = 100 }), `piece "z" has the id 100`, wordpiece.ErrVocabulary},
		{"an id twice", vocab(func(v object) { v["z"] = 5; v["y"] = 5 }), "has the id 5", wordpiece.ErrVocabulary},
		{"an id that is text", vocab(func(v object) { v["z"] = "1" }), "vocab is no object from pieces to ids", wordpiece.ErrVocabulary},
		{"a negative id", vocab(func(v object) { v["z"] = -1 }), "vocab is no object", wordpiece.ErrVocabulary},
		{"a fraction", vocab(func(v object) { v["z"] = 12.5 }), "vocab is no object", wordpiece.ErrVocabulary},
		{"a huge id", vocab(func(v object) { v["z"] = 1 << 40 }), "vocab is no object", wordpiece.ErrVocabulary},
		{"an empty piece", vocab(func(v object) { v[""] = 12 }), `piece ""`, wordpiece.ErrVocabulary},
		{"two lines in a piece", vocab(func(v object) { v["a\nb"] = 12 }), `piece "a\nb"`, wordpiece.ErrVocabulary},
	} {
		file := tokenizerJSON()
		file["model"].(object)["vocab"] = maps.Clone(file["model"].(object)["vocab"].(object))
		test.edit(file)
		_, _, err := wordpiece.ReadTokenizer(encode(t, file, ""), wordpiece.Told{})
		if !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	whole := encode(t, tokenizerJSON(), "")
	for end := range whole {
		if _, _, err := wordpiece.ReadTokenizer(whole[:end], wordpiece.Told{}); err == nil {
			t.Fatalf("accepted %s", whole[:end])
		}
	}
}

// FuzzReadTokenizer tests that any vocabulary is read as encoding/json reads it, and makes a
// tokenizer.
func FuzzReadTokenizer(f *testing.F) {
	for _, more := range []string{`}`, `, "a" : 5,"##b":6}`, `,"\u00e9\"":5,"\\":6}`, `,"a":05}`, `,"a":5.0}`, "}, \"truncation\": null", ",\"a\xff\":5}", ",\"\x01\":5}"} {
		f.Add(more)
	}
	file := tokenizerJSON()
	file["model"].(object)["vocab"] = object{"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4}
	whole := string(encode(f, file, ""))
	const last = `"[UNK]":1`
	before, behind, found := strings.Cut(whole, last+"}")
	if !found {
		f.Fatal(whole)
	}
	f.Fuzz(func(t *testing.T, more string) {
		data := []byte(before + last + more + behind)
		text, _, err := wordpiece.ReadTokenizer(data, wordpiece.Told{})
		if err != nil {
			return
		}
		var file struct {
			Model struct{ Vocab map[string]int }
		}
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		for id, piece := range lines {
			if got, found := file.Model.Vocab[piece]; !found || got != id {
				t.Errorf("piece %q has the id %d, want %d, %v", piece, id, got, found)
			}
		}
		if len(lines) != len(file.Model.Vocab) {
			t.Errorf("%d pieces, want %d", len(lines), len(file.Model.Vocab))
		}
		v, err := wordpiece.NewVocabulary(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wordpiece.New(v, wordpiece.Rules{}); err != nil {
			t.Fatal(err)
		}
	})
}
