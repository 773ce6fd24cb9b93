package embed_test

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/embed"
	"sheaf/internal/embed/embedtest"
	"sheaf/internal/progress"
	"sheaf/internal/provider"
	"sheaf/internal/transformer/transformertest"
	"sheaf/internal/vector"
	"sheaf/internal/wordpiece"
)

// folder writes a small model.
func folder(t *testing.T, m transformertest.Model) string {
	t.Helper()
	dir := t.TempDir()
	if err := m.Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func mustNew(t *testing.T, spec string, o embed.Options) embed.Embedder {
	t.Helper()
	e, err := provider.New(spec, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// found answers for one name.
func found(name, dir string) func(string) (string, error) {
	return func(asked string) (string, error) {
		if asked != name {
			return "", fs.ErrNotExist
		}
		return dir, nil
	}
}

func TestBERTConforms(t *testing.T) {
	t.Parallel()
	for _, m := range []transformertest.Model{{}, {Normalize: true, Pooling: "cls"}} {
		for _, workers := range []int{0, 1, 3} {
			for _, numbers := range []string{"", ":int8"} {
				embedtest.Conform(t, mustNew(t, "hf:"+folder(t, m)+numbers, embed.Options{Workers: workers}))
			}
		}
	}
}

func TestBERTIdentity(t *testing.T) {
	t.Parallel()
	dir := folder(t, transformertest.Model{Normalize: true})
	fingerprint := mustNew(t, "hf:"+dir, embed.Options{}).Identity().Fingerprint
	if len(fingerprint) != 16 {
		t.Errorf("fingerprint %q", fingerprint)
	}
	inInt8 := mustNew(t, "hf:"+dir+":int8", embed.Options{}).Identity().Fingerprint
	if len(inInt8) != 16 || inInt8 == fingerprint {
		t.Errorf("fingerprint %q in int8", inInt8)
	}
	for _, test := range []struct{ spec, found, want string }{
		{"minilm", embed.MiniLM, "minilm"},
		{"minilm:int8", embed.MiniLM, "minilm:int8"},
		{"hf:all-MiniLM-L6-v2:int8", embed.MiniLM, "minilm:int8"},
		{"hf:BAAI/bge-small-en-v1.5:int8", "BAAI/bge-small-en-v1.5", "hf:BAAI/bge-small-en-v1.5:int8"},
		{"hf:" + dir + "/:int8", "", "hf:" + dir + ":int8"},
		{"hf:all-MiniLM-L6-v2", embed.MiniLM, "minilm"},
		{"hf:multi-qa-MiniLM-L6-cos-v1", "sentence-transformers/multi-qa-MiniLM-L6-cos-v1", "hf:sentence-transformers/multi-qa-MiniLM-L6-cos-v1"},
		{"hf:BAAI/bge-small-en-v1.5", "BAAI/bge-small-en-v1.5", "hf:BAAI/bge-small-en-v1.5"},
		{"hf:" + dir + "/../" + filepath.Base(dir), "", "hf:" + dir},
	} {
		id := mustNew(t, test.spec, embed.Options{FindModel: found(test.found, dir)}).Identity()
		want := fingerprint
		if strings.HasSuffix(test.want, ":int8") {
			want = inInt8
		}
		if id.String() != test.want || id.Dim != 24 || !id.Normalized || id.Fingerprint != want {
			t.Errorf("%s: %+v, want %s", test.spec, id, test.want)
		}
	}
}

// Whatever makes other vectors makes another fingerprint.
func TestBERTFingerprint(t *testing.T) {
	t.Parallel()
	dir := folder(t, transformertest.Model{})
	fingerprint := func() string { return mustNew(t, "hf:"+dir, embed.Options{}).Identity().Fingerprint }
	first := fingerprint()
	remove(t, dir, "tokenizer.json")
	if got := fingerprint(); got != first {
		t.Errorf("with vocab.txt alone: %s, want %s", got, first)
	}
	pieces := slices.Clone(transformertest.Vocabulary)
	pieces[7], pieces[8] = pieces[8], pieces[7]
	put(t, dir, "vocab.txt", strings.Join(pieces, "\r\n"))
	if got := fingerprint(); got == first {
		t.Errorf("with another vocabulary: %s, too", got)
	}
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func TestBERTTokens(t *testing.T) {
	t.Parallel()
	id := func(piece string) int32 { return int32(slices.Index(transformertest.Vocabulary, piece)) }
	var notices []string
	o := embed.Options{Notice: func(s string) { notices = append(notices, s) }}
	plain := mustNew(t, "hf:"+folder(t, transformertest.Model{}), o)
	lower := mustNew(t, "hf:"+folder(t, transformertest.Model{Text: map[string]any{"do_lower_case": true, "max_seq_length": 6}}), o)
	for _, test := range []struct {
		e    embed.Embedder
		text string
		want []string
	}{
		{plain, "", []string{"[CLS]", "[SEP]"}},
		{plain, "The moon PULLS", []string{"[CLS]", "the", "moon", "pulls", "[SEP]"}},
		{plain, "seas [SEP] [sep]", []string{"[CLS]", "sea", "##s", "[SEP]", "[", "s", "##e", "##p", "]", "[SEP]"}},
		{lower, "a [SEP]", []string{"[CLS]", "a", "[", "s", "##e", "[SEP]"}},
	} {
		want := []int32{}
		for _, piece := range test.want {
			want = append(want, id(piece))
		}
		if got := embed.Tokens(test.e, test.text); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", test.text, got, want)
		}
	}
	r, err := lower.Embed(t.Context(), []string{"the sea", "the moon pulls the sea", "the sea"})
	if err != nil || r.Limit != 6 || len(r.Long) != 1 || r.Long[1] != 7 {
		t.Errorf("long texts %v, limit %d, %v", r.Long, r.Limit, err)
	}
	if len(notices) != 1 || !strings.Contains(notices[0], "reads the first 6 tokens of a text and one is longer") {
		t.Errorf("notices %q, want one about a long text", notices)
	}
}

// Many texts are computed in packs, and come back in order.
func TestBERTManyTexts(t *testing.T) {
	t.Parallel()
	stats := &progress.Counter{}
	e := mustNew(t, "hf:"+folder(t, transformertest.Model{}), embed.Options{Workers: 3, Stats: stats})
	texts, tokens := []string{}, 0
	for i := range 300 {
		texts = append(texts, strings.Repeat("tides come and go ", i%7)+transformertest.Vocabulary[5+i%60])
		tokens += len(embed.Tokens(e, texts[i]))
	}
	all, err := embed.Vectors(t.Context(), e, texts)
	if err != nil {
		t.Fatal(err)
	}
	if want := (progress.Snapshot{Requests: 1, Texts: 300, Tokens: int64(tokens)}); stats.Snapshot() != want {
		t.Errorf("counted %+v, want %+v", stats.Snapshot(), want)
	}
	for i, text := range texts {
		one, err := embed.Vectors(t.Context(), e, []string{text})
		if err != nil || !slices.Equal(one[0], all[i]) {
			t.Fatalf("text %d differs alone, error %v", i, err)
		}
	}
}

// No more computations run than Workers, over all calls, and one that waits ends with its
// context.
func TestBERTWaitsForAThread(t *testing.T) {
	t.Parallel()
	e := mustNew(t, "hf:"+folder(t, transformertest.Model{}), embed.Options{Workers: 1})
	giveBack := embed.TakeWorkspace(e)
	ctx, cancel := context.WithCancelCause(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		if v, err := embed.Vectors(ctx, e, []string{"the moon"}); !errors.Is(err, errEnough) || v != nil {
			t.Errorf("%v, %v", v, err)
		}
	})
	cancel(errEnough)
	group.Wait()
	giveBack()
	if _, err := embed.Vectors(t.Context(), e, []string{"the moon"}); err != nil {
		t.Error(err)
	}
}

var errEnough = errors.New("enough")

func TestBERTErrors(t *testing.T) {
	t.Parallel()
	edited := func(edit func(dir string)) string {
		dir := folder(t, transformertest.Model{})
		edit(dir)
		return "hf:" + dir
	}
	for _, test := range []struct{ name, spec, want string }{
		{"not found", "minilm", `embedder "minilm": file does not exist`},
		{"RoBERTa", "hf:" + folder(t, transformertest.Model{Config: map[string]any{"model_type": "roberta"}}), `the architecture "roberta" is not supported`},
		{"RoBERTa in int8", "hf:" + folder(t, transformertest.Model{Config: map[string]any{"model_type": "roberta"}}) + ":int8", `the architecture "roberta" is not supported`},
		{"a tensor that is not finite in int8", edited(func(dir string) {
			tensors := (transformertest.Model{}).Tensors()
			tensors[len(tensors)-4].X[0] = float32(math.NaN())
			put(t, dir, "model.safetensors", string(transformertest.Safetensors("F32", tensors)))
		}) + ":int8", "has a number that is not finite, so it has no int8 form"},
		{"no tokenizer", edited(func(dir string) {
			remove(t, dir, "tokenizer.json")
			remove(t, dir, "vocab.txt")
		}), "has neither tokenizer.json nor vocab.txt"},
		{"another tokenizer", edited(func(dir string) { put(t, dir, "tokenizer.json", `{"model": {"type": "BPE", "vocab": {}}}`) }), `its model is "BPE", not WordPiece`},
		{"another first token", edited(func(dir string) { put(t, dir, "tokenizer_config.json", `{"cls_token": "<s>"}`) }),
			"tokenizer_config.json: cls_token <s> and sep_token [SEP] are not those of the tokenizer, [CLS] and [SEP]"},
		{"another last token", edited(func(dir string) { put(t, dir, "tokenizer_config.json", `{"sep_token": {"content": "</s>"}}`) }),
			"cls_token [CLS] and sep_token </s> are not those"},
		{"an XLM-R's tokens", "hf:" + multilingualBERT(t, `{"cls_token": "[CLS]"}`), "cls_token [CLS] and sep_token </s> are not those of the tokenizer, <s> and </s>"},
		{"an XLM-R's tokenizer of other rules", edited(func(dir string) { put(t, dir, "tokenizer.json", `{"model": {"vocab": []}}`) }), "its unk_id is not the id of a piece"},
		{"a larger tokenizer", edited(func(dir string) {
			remove(t, dir, "tokenizer.json")
			put(t, dir, "vocab.txt", strings.Join(transformertest.Vocabulary, "\n")+"\none more")
		}), "pieces, the model"},
		{"no special pieces", edited(func(dir string) {
			remove(t, dir, "tokenizer.json")
			put(t, dir, "vocab.txt", "a\nb\n")
		}), `no piece "[UNK]"`},
		{"a piece twice", edited(func(dir string) {
			remove(t, dir, "tokenizer.json")
			put(t, dir, "vocab.txt", "a\na\n")
		}), `piece "a" repeats`},
		{"a tokenizer that is a folder", edited(func(dir string) {
			remove(t, dir, "tokenizer.json")
			if err := os.Mkdir(filepath.Join(dir, "tokenizer.json"), 0o777); err != nil {
				t.Fatal(err)
			}
		}), "tokenizer.json"},
	} {
		e, err := provider.New(test.spec, embed.Options{FindModel: found("", "")})
		var problem *embed.ModelError
		if e != nil || !errors.As(err, &problem) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, %v, want %q", test.name, e, err, test.want)
		}
	}
	dir := folder(t, transformertest.Model{})
	if _, err := provider.New("hf:"+dir, embed.Options{Dimensions: 25}); err == nil || !strings.Contains(err.Error(), "makes vectors of 24 numbers, not 25") {
		t.Errorf("other dimensions: %v", err)
	}
	if err := embed.CheckModel(dir); err != nil {
		t.Error(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "model.int8"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := embed.SaveInt8(dir); err == nil {
		t.Error("codes were saved over a folder")
	}
	if err := embed.SaveInt8(folder(t, transformertest.Model{Config: map[string]any{"intermediate_size": 65537}})); err != nil {
		t.Errorf("a model without an int8 form: %v", err)
	}
	remove(t, dir, "config.json")
	if err := embed.CheckModel(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without config.json: %v", err)
	}
	put(t, dir, "config.json", "{}")
	put(t, dir, "tokenizer.json", `{"model": {"vocab": {}}}`)
	if err := (transformertest.Model{}).Write(dir); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "tokenizer.json", `{"model": {"vocab": {}}}`)
	if err := embed.CheckModel(dir); !errors.Is(err, wordpiece.ErrUnsupported) {
		t.Errorf("with another tokenizer: %v", err)
	}
}

func TestPrompts(t *testing.T) {
	t.Parallel()
	own := transformertest.Model{Prompts: map[string]string{"query": "query: ", "passage": "passage: "}}
	bare, asking := "hf:"+folder(t, transformertest.Model{}), "hf:"+folder(t, own)
	none, given := new(string), "go \""
	vector := func(spec, text string, o embed.Options) []float32 {
		v, err := embed.Vectors(t.Context(), mustNew(t, spec, o), []string{text})
		if err != nil {
			t.Fatal(err)
		}
		return v[0]
	}
	for _, test := range []struct {
		spec    string
		options embed.Options
		text    string // that the embedder must see
	}{
		{bare, embed.Options{}, "tides"},
		{bare, embed.Options{Questions: true}, "tides"},
		{asking, embed.Options{}, "passage: tides"},
		{asking, embed.Options{Questions: true}, "query: tides"},
		{asking, embed.Options{Query: none, Passage: none}, "tides"},
		{asking, embed.Options{Query: &given, Passage: none, Questions: true}, "go \"tides"},
		{asking, embed.Options{Query: &given}, "passage: tides"},
		{"builtin", embed.Options{Passage: &given}, "go \"tides"},
	} {
		reference := bare
		if test.spec == "builtin" {
			reference = test.spec
		}
		if got, want := vector(test.spec, "tides", test.options), vector(reference, test.text, embed.Options{}); !slices.Equal(got, want) {
			t.Errorf("%s %+v: the vector is not that of %q", test.spec, test.options, test.text)
		}
	}

	plain := mustNew(t, bare, embed.Options{}).Identity().Fingerprint
	for _, test := range []struct {
		spec, fingerprint string
		options           embed.Options
	}{
		{asking, plain + ` query="query: " passage="passage: "`, embed.Options{}},
		{asking, plain + ` query="query: " passage="passage: "`, embed.Options{Questions: true}},
		{bare, plain + ` query="go \"" passage=""`, embed.Options{Query: &given}},
		{asking, plain, embed.Options{Query: none, Passage: none}},
	} {
		id := mustNew(t, test.spec, test.options).Identity()
		if id.Fingerprint != test.fingerprint {
			t.Errorf("fingerprint %s, want %s", id.Fingerprint, test.fingerprint)
		}
		again := embed.PromptsOf(id.Fingerprint)
		if diff := cmp.Diff(id, mustNew(t, bare, embed.Options{Query: &again.Query, Passage: &again.Passage}).Identity(), cmp.FilterPath(isModel, cmp.Ignore())); diff != "" {
			t.Error(diff)
		}
	}
	for _, fingerprint := range []string{"", "dimensions=5", `query="x`, `query="x" passage=`} {
		if got := embed.PromptsOf(fingerprint); got != (embed.Prompts{}) {
			t.Errorf("%s: prompts %q", fingerprint, got)
		}
	}
}

// The prompt counts as part of what a service is sent, and not of a text that is cut.
func TestPromptsOfAService(t *testing.T) {
	t.Parallel()
	server := embedtest.NewServer(embedtest.ServerOptions{})
	t.Cleanup(server.Close)
	prompt := "passage: "
	e := mustNew(t, "openai:text-embedding-3-small", embed.Options{BaseURL: server.URL, Truncate: true, Passage: &prompt})
	plain := mustNew(t, "openai:text-embedding-3-small", embed.Options{BaseURL: server.URL, Truncate: true})
	long := strings.Repeat("tides come and go ", 3000)
	got, err := e.Embed(t.Context(), []string{"tides", long})
	if err != nil {
		t.Fatal(err)
	}
	want, err := plain.Embed(t.Context(), []string{prompt + "tides", prompt + long})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Vectors[0], want.Vectors[0]) || got.Cut[1] != want.Cut[1]-len(prompt) || got.Cut[1] <= 0 {
		t.Errorf("cut at %d and %d bytes", got.Cut[1], want.Cut[1])
	}
}

func isModel(p cmp.Path) bool { return p.String() == "Model" }

// A vector that is cut is normalized again where the model's are, and its store knows.
func TestBERTDimensions(t *testing.T) {
	t.Parallel()
	for _, normalize := range []bool{false, true} {
		dir := folder(t, transformertest.Model{Normalize: normalize})
		whole, cut := mustNew(t, "hf:"+dir, embed.Options{Dimensions: 24}), mustNew(t, "hf:"+dir, embed.Options{Dimensions: 10})
		embedtest.Conform(t, cut)
		fingerprint := whole.Identity().Fingerprint
		if id := cut.Identity(); id.Dim != 10 || id.Fingerprint != "dimensions=10 "+fingerprint || !embed.AsksForDim(id.Fingerprint, 10) || embed.AsksForDim(fingerprint, 24) {
			t.Errorf("identity %+v, of the whole %q", id, fingerprint)
		}
		texts := []string{"the moon pulls the sea"}
		want, err := embed.Vectors(t.Context(), whole, texts)
		if err != nil {
			t.Fatal(err)
		}
		got, err := embed.Vectors(t.Context(), cut, texts)
		if err != nil {
			t.Fatal(err)
		}
		if want[0] = want[0][:10]; normalize {
			vector.Normalize(want[0])
		}
		if !slices.Equal(got[0], want[0]) {
			t.Errorf("normalized %v: %v, want %v", normalize, got[0], want[0])
		}
	}
}

// A folder that does not say how it pools is noticed, unless people know it.
func TestBERTAssumesPooling(t *testing.T) {
	t.Parallel()
	dir := folder(t, transformertest.Model{})
	remove(t, dir, "modules.json")
	for _, told := range []bool{false, true} {
		var notices []string
		mustNew(t, "hf:"+dir, embed.Options{Told: told, Notice: func(s string) { notices = append(notices, s) }})
		if noticed := len(notices) == 1 && strings.Contains(notices[0], "has no modules.json"); noticed == told {
			t.Errorf("told %v: notices %q", told, notices)
		}
	}
}

// The settings of a cased model make other tokens, and another fingerprint.
func TestBERTCased(t *testing.T) {
	t.Parallel()
	dir := folder(t, transformertest.Model{})
	uncased := mustNew(t, "hf:"+dir, embed.Options{})
	put(t, dir, "tokenizer_config.json", `{"do_lower_case": false}`)
	cased := mustNew(t, "hf:"+dir, embed.Options{})
	if uncased.Identity().Fingerprint == cased.Identity().Fingerprint {
		t.Error("both have the same fingerprint")
	}
	moon := int32(slices.Index(transformertest.Vocabulary, "moon"))
	unknown := int32(slices.Index(transformertest.Vocabulary, "[UNK]"))
	for e, want := range map[embed.Embedder][]int32{uncased: {moon, moon}, cased: {moon, unknown}} {
		if ids := embed.Tokens(e, "moon Moon"); !slices.Equal(ids[1:len(ids)-1], want) {
			t.Errorf("%v, want %v", ids, want)
		}
	}
}
