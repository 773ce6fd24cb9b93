package unigram_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/unigram"
)

type object = map[string]any

// forms are what converters of transformers have made of the model of an XLM-R, by the names of
// testdata/record_huggingface.py.
var forms = map[string]func(o, charsmap object){
	"ids": func(o, charsmap object) {
		o["normalizer"] = charsmap
		o["pre_tokenizer"] = object{"type": "Sequence", "pretokenizers": []any{object{"type": "WhitespaceSplit"}, metaspace()}}
	},
	"e5": func(o, charsmap object) {
		o["normalizer"] = object{"type": "Sequence", "normalizers": []any{charsmap, runs(" ")}}
		o["pre_tokenizer"] = metaspace()
	},
	"new": func(o, charsmap object) {
		strip := object{"type": "Strip", "strip_left": false, "strip_right": true}
		o["normalizer"] = object{"type": "Sequence", "normalizers": []any{charsmap, strip, runs("▁")}}
		o["pre_tokenizer"] = object{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true}
		mask := o["added_tokens"].([]any)[4].(object)
		mask["normalized"] = true
	},
}

func metaspace() object {
	return object{"type": "Metaspace", "replacement": "▁", "add_prefix_space": true}
}

func runs(content string) object {
	return object{"type": "Replace", "pattern": object{"Regex": " {2,}"}, "content": content}
}

// tokenizerJSON is a tokenizer.json with these pieces behind XLM-R's special ones.
func tokenizerJSON(form, charsmap string, pieces []string, scores []float32) object {
	vocab := []any{}
	for _, special := range []string{"<s>", "<pad>", "</s>", "<unk>"} {
		vocab = append(vocab, []any{special, 0.0})
	}
	for i, piece := range pieces {
		vocab = append(vocab, []any{piece, float64(scores[i])})
	}
	vocab = append(vocab, []any{"<mask>", 0.0})
	var added []any
	for id, special := range map[int]string{0: "<s>", 1: "<pad>", 2: "</s>", 3: "<unk>"} {
		added = append(added, object{"id": id, "content": special, "normalized": false, "special": true})
	}
	added = append(added, object{"id": len(vocab) - 1, "content": "<mask>", "lstrip": true, "normalized": false, "special": true})
	special := func(name string) object { return object{"SpecialToken": object{"id": name, "type_id": 0}} }
	o := object{
		"added_tokens": added,
		"post_processor": object{
			"type":           "TemplateProcessing",
			"single":         []any{special("<s>"), object{"Sequence": object{"id": "A", "type_id": 0}}, special("</s>")},
			"special_tokens": object{"<s>": object{"ids": []int{0}}, "</s>": object{"ids": []int{2}}},
		},
		"model": object{"type": "Unigram", "unk_id": 3, "vocab": vocab, "byte_fallback": false},
	}
	forms[form](o, object{"type": "Precompiled", "precompiled_charsmap": base64.StdEncoding.EncodeToString([]byte(charsmap))})
	return o
}

func compact(t testing.TB, o object) []byte {
	t.Helper()
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// fullFile is a tokenizer.json with the 70,000 pieces of the model in the program.
func fullFile(t testing.TB, form string) []byte {
	t.Helper()
	pieces, scores := model(t)
	data, err := json.MarshalIndent(tokenizerJSON(form, read(t, modelFolder+"charsmap.bin"), pieces[3:], scores[3:]), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestHuggingFaceReference compares with what Hugging Face's tokenizers made of the texts of
// TestReference, and of some with added tokens.
func TestHuggingFaceReference(t *testing.T) {
	t.Parallel()
	rows := huggingFaceRows(t)
	for form := range forms {
		h, err := unigram.ReadTokenizer(fullFile(t, form))
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			want := row["ids"]
			if other, found := row[form]; found {
				want = other
			}
			var text string
			var ids []int32
			if err := errors.Join(json.Unmarshal(row["text"], &text), json.Unmarshal(want, &ids)); err != nil {
				t.Fatal(err)
			}
			got := append(h.Append([]int32{h.First}, text), h.Last)
			if !slices.Equal(got, ids) {
				t.Errorf("%s %q:\n got %v\nwant %v", form, text, got, ids)
			}
		}
	}
}

func huggingFaceRows(t testing.TB) (rows []map[string]json.RawMessage) {
	t.Helper()
	rows = readRows[map[string]json.RawMessage](t, "testdata/huggingface.jsonl.gz")
	languages := map[string]bool{}
	for _, row := range rows {
		languages[string(row["language"])] = true
	}
	if len(languages) < 21 {
		t.Fatalf("texts of %d languages", len(languages))
	}
	return rows
}

// small is a file of a few pieces.
func small(t testing.TB, form string) object {
	return tokenizerJSON(form, charsmap(t, map[string]string{"A": "a", "AA": "xy", "\t": " ", "-": "", "é": "e", "e\u0301\u0301": "b"}),
		[]string{"▁", "a", "b", "▁a", "xy", "e", "▁b<", "日本", "日", "本"}, []float32{-1, -1, -1, -1, -1, -1, -1, -3, -1, -1})
}

// TestHuggingFaceNormalForms shows where the normal forms differ from SentencePiece's.
func TestHuggingFaceNormalForms(t *testing.T) {
	t.Parallel()
	h, err := unigram.ReadTokenizer(compact(t, small(t, "e5")))
	if err != nil {
		t.Fatal(err)
	}
	if h.First != 0 || h.Last != 2 || h.FirstToken != "<s>" || h.LastToken != "</s>" || h.Size() != 15 {
		t.Errorf("%+v", h)
	}
	for text, want := range map[string][]int32{
		"":          nil,
		"-":         nil,
		" ":         {4},
		"a ":        {7, 4},       // a space at the end is a word
		"AA":        {7, 5},       // each character by itself
		"a \t a":    {7, 7},       // runs of spaces are one
		"q q":       {4, 3, 4, 3}, // unknown ones are joined in a word only
		"qq":        {4, 3},
		"é":         {4, 9},
		"e\u0301":   {4, 9, 3},   // no rule: the mark stays
		"日本":        {4, 12, 13}, // the better path, not the longer piece
		"b</s>":     {4, 6, 2},   // added tokens go first
		"b</":       {10, 3},
		"a\xffb":    {7, 3, 6},
		"a<mask>b":  {7, 14, 4, 6},
		"a  <mask>": {7, 14},
	} {
		if got := h.Append(nil, text); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// The fingerprint of a tokenizer covers what ids depend on.
func TestHuggingFaceWriteTo(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	add := func(name string, o object) {
		h, err := unigram.ReadTokenizer(compact(t, o))
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if n, err := h.WriteTo(&b); err != nil || n != int64(b.Len()) {
			t.Errorf("%s: %d of %d bytes, %v", name, n, b.Len(), err)
		}
		if other, found := seen[b.String()]; found {
			t.Errorf("%s and %s are equal", name, other)
		}
		seen[b.String()] = name
	}
	for form := range forms {
		add(form, small(t, form))
	}
	unknown := small(t, "e5")
	unknown["model"].(object)["unk_id"] = 4
	add("unknown", unknown)
	score := small(t, "e5")
	score["model"].(object)["vocab"].([]any)[5].([]any)[1] = -1.5
	add("score", score)
	piece := small(t, "e5")
	piece["model"].(object)["vocab"].([]any)[5].([]any)[0] = "c"
	add("piece", piece)
	rules := small(t, "e5")
	rules["normalizer"].(object)["normalizers"].([]any)[0].(object)["precompiled_charsmap"] =
		base64.StdEncoding.EncodeToString([]byte(charsmap(t, map[string]string{"A": "b"})))
	add("rules", rules)
}

// A tokenizer whose ids would be wrong is refused with the difference.
func TestReadTokenizerRefuses(t *testing.T) {
	t.Parallel()
	model := func(key string, value any) func(object) { return func(o object) { o["model"].(object)[key] = value } }
	set := func(key string, value any) func(object) { return func(o object) { o[key] = value } }
	pre := func(key string, value any) func(object) {
		return func(o object) { o["pre_tokenizer"].(object)[key] = value }
	}
	added := func(key string, value any) func(object) {
		return func(o object) { o["added_tokens"].([]any)[4].(object)[key] = value }
	}
	step := func(place int, value any) func(object) {
		return func(o object) { o["normalizer"].(object)["normalizers"].([]any)[place] = value }
	}
	charsmapOf := func(text string) func(object) {
		return step(0, object{"type": "Precompiled", "precompiled_charsmap": text})
	}
	template := func(edit func(p object)) func(object) {
		return func(o object) { edit(o["post_processor"].(object)) }
	}
	for _, test := range []struct {
		name string
		edit func(object)
		want string
		is   error
	}{
		{"BPE", model("type", "BPE"), `its model is "BPE", not Unigram`, unigram.ErrUnsupported},
		{"bytes", model("byte_fallback", true), "its model falls back to bytes", unigram.ErrUnsupported},
		{"no unknown", model("unk_id", nil), "its unk_id is not the id of a piece", unigram.ErrUnsupported},
		{"an unknown beyond", model("unk_id", 15), "its unk_id is not", unigram.ErrUnsupported},
		{"a negative unknown", model("unk_id", -1), "its unk_id is not", unigram.ErrUnsupported},
		{"no vocabulary", func(o object) { delete(o["model"].(object), "vocab") }, "its model has no vocab", unigram.ErrUnsupported},
		{"a vocabulary elsewhere", set("added", object{"vocab": []any{}}), "its model has no vocab", unigram.ErrUnsupported},
		{"an object of pieces", model("vocab", object{"a": 1}), "vocab is no list of pieces with scores", unigram.ErrModel},
		{"a piece without a score", model("vocab", []any{[]any{"a"}}), "vocab is no list", unigram.ErrModel},
		{"a score that is text", model("vocab", []any{[]any{"a", "b"}}), "vocab is no list", unigram.ErrModel},
		{"three of a piece", model("vocab", []any{[]any{"a", 1, 2}}), "vocab is no list", unigram.ErrModel},
		{"an empty piece", model("vocab", []any{[]any{"", 1}}), `piece 0, "", is empty`, unigram.ErrModel},
		{"no normalizer", set("normalizer", nil), `its normalizer is "", not Precompiled`, unigram.ErrUnsupported},
		{"NFKC", set("normalizer", object{"type": "NFKC"}), `its normalizer is "NFKC"`, unigram.ErrUnsupported},
		{"lower case first", step(0, object{"type": "Lowercase"}), `its normalizer is "Lowercase"`, unigram.ErrUnsupported},
		{"lower case", step(1, object{"type": "Lowercase"}), `its normalizer has a step "Lowercase"`, unigram.ErrUnsupported},
		{"another pattern", step(1, object{"type": "Replace", "pattern": object{"Regex": "a"}, "content": " "}), `a step "Replace"`, unigram.ErrUnsupported},
		{"another content", step(1, runs("")), `a step "Replace"`, unigram.ErrUnsupported},
		{"strip left", step(1, object{"type": "Strip", "strip_left": true, "strip_right": true}), `a step "Strip"`, unigram.ErrUnsupported},
		{"an empty sequence", set("normalizer", object{"type": "Sequence"}), `its normalizer is "Sequence"`, unigram.ErrUnsupported},
		{"no charsmap", charsmapOf(""), "charsmap of 0 bytes", unigram.ErrModel},
		{"base64", charsmapOf("*"), "precompiled_charsmap: illegal base64", unigram.ErrModel},
		{"not UTF-8", charsmapOf(base64.StdEncoding.EncodeToString([]byte("\x00\x00\x00\x00\xff"))), "replacements that are not UTF-8", unigram.ErrModel},
		{"no pre-tokenizer", set("pre_tokenizer", nil), `its pre_tokenizer is ""`, unigram.ErrUnsupported},
		{"another pre-tokenizer", pre("type", "ByteLevel"), `its pre_tokenizer is "ByteLevel"`, unigram.ErrUnsupported},
		{"a sequence", set("pre_tokenizer", object{"type": "Sequence", "pretokenizers": []any{object{"type": "Digits"}, metaspace()}}), `its pre_tokenizer is "Sequence"`, unigram.ErrUnsupported},
		{"another space", pre("replacement", "_"), `writes a space as "_"`, unigram.ErrUnsupported},
		{"no space before", pre("add_prefix_space", false), "does not put a space before every text", unigram.ErrUnsupported},
		{"a space before the first", pre("prepend_scheme", "first"), `(prepend_scheme "first")`, unigram.ErrUnsupported},
		{"no words", pre("split", false), "does not split at spaces", unigram.ErrUnsupported},
		{"a single word", added("single_word", true), `the added token "<mask>" is single_word or rstrip`, unigram.ErrUnsupported},
		{"a token that takes blanks", added("rstrip", true), `the added token "<mask>" is`, unigram.ErrUnsupported},
		{"another id", added("id", 5), `the added token "<mask>" has an id of its own`, unigram.ErrUnsupported},
		{"a token that is no piece", added("content", "zz"), `the added token "zz" has an id of its own`, unigram.ErrUnsupported},
		{"an empty token", added("content", ""), `the added token "" has`, unigram.ErrUnsupported},
		{"a token that is normalized", func(o object) {
			o["model"].(object)["vocab"].([]any)[14].([]any)[0] = "A"
			added("content", "A")(o)
			added("normalized", true)(o)
		}, `the added token "A" has another normal form`, unigram.ErrUnsupported},
		{"no template", set("post_processor", nil), `its post_processor is "", not`, unigram.ErrUnsupported},
		{"another processor", template(func(p object) { p["type"] = "RobertaProcessing" }), `its post_processor is "RobertaProcessing"`, unigram.ErrUnsupported},
		{"a longer template", template(func(p object) { p["single"] = append(p["single"].([]any), object{}) }), "its post_processor is", unigram.ErrUnsupported},
		{"another order", template(func(p object) { slices.Reverse(p["single"].([]any)[:2]) }), "not a token before and one behind", unigram.ErrUnsupported},
		{"types", template(func(p object) { p["single"].([]any)[1].(object)["Sequence"].(object)["type_id"] = 1 }), "all of type 0", unigram.ErrUnsupported},
		{"no id", template(func(p object) { p["special_tokens"] = nil }), `the token "<s>" of its post_processor is no piece`, unigram.ErrUnsupported},
		{"two ids", template(func(p object) { p["special_tokens"] = object{"<s>": object{"ids": []int{0, 0}}} }), `the token "<s>"`, unigram.ErrUnsupported},
	} {
		o := small(t, "e5")
		test.edit(o)
		if _, err := unigram.ReadTokenizer(compact(t, o)); !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	whole := compact(t, small(t, "e5"))
	for end := range whole {
		if _, err := unigram.ReadTokenizer(whole[:end]); err == nil {
			t.Fatalf("accepted %s", whole[:end])
		}
	}
}

// FuzzReadTokenizer tests that any list of pieces is read as encoding/json reads it, and splits any
// text into ids of pieces.
func FuzzReadTokenizer(f *testing.F) {
	f.Add(`,["▁a",-1],["a",-1.5e0]`, "a\u0301  aA <mask>", "\x04\x00\x00\x00\x00\x01\x00\x00")
	f.Add(`, [ "\u0061", 0 ]`, "日本語 a\xff", charsmap(f, map[string]string{"A": "a", "a\u0301": "  "}))
	f.Add(`,["",0]`, "", "")
	f.Add(`,["a",1e999],["b",-0.0]`, "ab", "\x00\x00\x00\x00")
	const last, charsmapMark = `["xy",-1]`, "CHARSMAP"
	file := small(f, "new")
	file["normalizer"].(object)["normalizers"].([]any)[0].(object)["precompiled_charsmap"] = charsmapMark
	whole := strings.Replace(string(compact(f, file)), last, last+"MORE", 1)
	f.Fuzz(func(t *testing.T, more, text, rules string) {
		data := []byte(strings.NewReplacer("MORE", more, charsmapMark, base64.StdEncoding.EncodeToString([]byte(rules))).Replace(whole))
		h, err := unigram.ReadTokenizer(data)
		if err != nil {
			return
		}
		var read struct {
			Model struct{ Vocab [][2]any }
		}
		if err := json.Unmarshal(data, &read); err != nil || len(read.Model.Vocab) != h.Size() {
			t.Fatalf("%d pieces, want %d, %v", h.Size(), len(read.Model.Vocab), err)
		}
		for _, id := range h.Append(nil, text) {
			if id < 0 || int(id) >= h.Size() {
				t.Fatalf("id %d of %d", id, h.Size())
			}
		}
	})
}

func BenchmarkReadTokenizer(b *testing.B) {
	data := fullFile(b, "e5")
	for b.Loop() {
		if _, err := unigram.ReadTokenizer(data); err != nil {
			b.Fatal(err)
		}
	}
}
