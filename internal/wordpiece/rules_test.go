package wordpiece_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"sheaf/internal/wordpiece"
)

// mixedVocabulary returns a vocabulary of single characters with and without case, accents and ideographs.
func mixedVocabulary(t *testing.T) *wordpiece.Vocabulary {
	t.Helper()
	text := []byte("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")
	for _, prefix := range []string{"", "##"} {
		for _, run := range [][2]rune{{0x21, 0x7e}, {0xa1, 0x24f}, {0x300, 0x3ff}, {0x400, 0x45f}, {0x1e00, 0x1eff}, {0x3041, 0x3096}, {0x4e00, 0x4e40}} {
			for r := run[0]; r <= run[1]; r++ {
				text = append(append(text, prefix+string(r)...), '\n')
			}
		}
	}
	v, err := wordpiece.NewVocabulary(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// readTexts returns the texts of reference.json and random.json.
func readTexts(t *testing.T) (texts []string) {
	t.Helper()
	for _, row := range readReference(t).Rows {
		texts = append(texts, row.Text)
	}
	data, err := os.ReadFile("testdata/random.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct{ Text string }
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		texts = append(texts, row.Text)
	}
	return texts
}

// TestRules compares with what Hugging Face's tokenizers 0.23.3 made with its BertNormalizer and BertPreTokenizer of some
// texts, of those of the other tests, and of every code point between letters.
func TestRules(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/rules.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded []struct {
		Rules  wordpiece.Rules
		IDs    map[string][]int32
		Texts  string
		Points string
	}
	if err := json.Unmarshal(data, &recorded); err != nil {
		t.Fatal(err)
	}
	v, texts := mixedVocabulary(t), readTexts(t)
	for _, want := range recorded {
		tok, err := wordpiece.New(v, want.Rules)
		if err != nil {
			t.Fatal(err)
		}
		for text, ids := range want.IDs {
			if got := tok.Append(nil, text); !slices.Equal(got, ids) {
				t.Errorf("%+v: %q: ids %v, want %v", want.Rules, text, got, ids)
			}
		}
		h := sha256.New()
		for _, text := range texts {
			ids := tok.Append(nil, text)
			writeInts(h, append([]int32{int32(len(ids))}, ids...))
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != want.Texts {
			t.Errorf("%+v: texts %s, want %s", want.Rules, got, want.Texts)
		}
		if got := hashPoints(tok); got != want.Points {
			t.Errorf("%+v: every code point: %s, want %s", want.Rules, got, want.Points)
		}
	}
}

func hashPoints(tok *wordpiece.Tokenizer) string {
	h := sha256.New()
	var ids []int32
	for c := rune(0); c <= unicode.MaxRune; c++ {
		if utf8.ValidRune(c) {
			ids = tok.Append(append(ids[:0], c), "a"+string(c)+"b")
			writeInts(h, ids)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func writeInts(h hash.Hash, numbers []int32) {
	var b []byte
	for _, n := range numbers {
		b = binary.LittleEndian.AppendUint32(b, uint32(n))
	}
	h.Write(b)
}

// What tokenizer_config.json says outranks the tokenizer, which must agree where it is silent.
func TestToldRules(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	for _, test := range []struct {
		name       string
		told       wordpiece.Told
		normalizer object
		want       wordpiece.Rules
		refused    string
	}{
		{"silent", wordpiece.Told{}, nil, wordpiece.Rules{}, ""},
		{"cased", wordpiece.Told{Lowercase: &no}, nil, wordpiece.Rules{KeepCase: true, KeepAccents: true}, ""},
		{"cased in both", wordpiece.Told{Lowercase: &no}, object{"lowercase": false}, wordpiece.Rules{KeepCase: true, KeepAccents: true}, ""},
		{"cased without accents", wordpiece.Told{Lowercase: &no, Accents: &yes}, nil, wordpiece.Rules{KeepCase: true}, ""},
		{"accents", wordpiece.Told{Accents: &no}, nil, wordpiece.Rules{KeepAccents: true}, ""},
		{"ideographs", wordpiece.Told{Ideographs: &no}, nil, wordpiece.Rules{JoinIdeographs: true}, ""},
		{"cased in the tokenizer alone", wordpiece.Told{}, object{"lowercase": false}, wordpiece.Rules{}, "its normalizer has do_lower_case false, and tokenizer_config.json does not say so"},
		{"uncased in spite of it", wordpiece.Told{Lowercase: &yes}, object{"lowercase": false}, wordpiece.Rules{}, ""},
		{"accents in the tokenizer alone", wordpiece.Told{}, object{"strip_accents": false}, wordpiece.Rules{}, "has strip_accents false"},
		{"accents as by default", wordpiece.Told{}, object{"strip_accents": true}, wordpiece.Rules{}, ""},
		{"ideographs in the tokenizer alone", wordpiece.Told{}, object{"handle_chinese_chars": false}, wordpiece.Rules{}, "has tokenize_chinese_chars false"},
	} {
		file := tokenizerJSON()
		for key, value := range test.normalizer {
			file["normalizer"].(object)[key] = value
		}
		_, got, err := wordpiece.ReadTokenizer(encode(t, file, ""), test.told)
		switch {
		case test.refused != "" && (err == nil || !strings.Contains(err.Error(), test.refused)):
			t.Errorf("%s: %v, want %q", test.name, err, test.refused)
		case test.refused == "" && (err != nil || got != test.want):
			t.Errorf("%s: %+v, %v, want %+v", test.name, got, err, test.want)
		}
	}
}
