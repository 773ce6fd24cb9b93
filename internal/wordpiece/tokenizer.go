package wordpiece

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"sheaf/internal/tokenfile"
)

// ErrUnsupported is wrapped by the error about a tokenizer whose ids this package would get
// wrong.
var ErrUnsupported = errors.New("the tokenizer is not supported")

func unsupportedf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...))
}

// tokenizerFile is the part of a tokenizer.json of Hugging Face's tokenizers on which ids
// depend. Truncation and padding belong to the model.
type tokenizerFile struct {
	Added []struct {
		ID         int    `json:"id"`
		Content    string `json:"content"`
		Normalized bool   `json:"normalized"`
		SingleWord bool   `json:"single_word"`
		Left       bool   `json:"lstrip"`
		Right      bool   `json:"rstrip"`
	} `json:"added_tokens"`
	Normalizer struct {
		Type      string `json:"type"`
		Clean     bool   `json:"clean_text"`
		Chinese   bool   `json:"handle_chinese_chars"`
		Accents   *bool  `json:"strip_accents"` // null: as lowercase
		Lowercase bool   `json:"lowercase"`
	} `json:"normalizer"`
	PreTokenizer struct {
		Type string `json:"type"`
	} `json:"pre_tokenizer"`
	PostProcessor struct {
		Type   string           `json:"type"`
		Single []map[string]any `json:"single"` // of TemplateProcessing
		CLS    []any            `json:"cls"`    // of BertProcessing
		SEP    []any            `json:"sep"`
	} `json:"post_processor"`
	Model struct {
		Type     string `json:"type"`
		Unknown  string `json:"unk_token"`
		Prefix   string `json:"continuing_subword_prefix"`
		MaxRunes int    `json:"max_input_chars_per_word"`
	} `json:"model"`
}

// ReadTokenizer returns the vocabulary of a tokenizer.json, in the form of a vocab.txt, and the
// rules that hold beside what is told of it. A tokenizer with other rules than this package
// knows is refused, with the difference.
func ReadTokenizer(data []byte, told Told) ([]byte, Rules, error) {
	var text []byte
	var f tokenizerFile
	err := tokenfile.Decode(data, func(r *tokenfile.Reader) (err error) {
		text, err = pieces(r)
		return err
	}, &f)
	switch {
	case errors.Is(err, tokenfile.ErrNoVocabulary):
		return nil, Rules{}, unsupportedf("%v", err)
	case err != nil:
		return nil, Rules{}, err
	}
	if err := f.check(told); err != nil {
		return nil, Rules{}, err
	}
	for _, added := range f.Added {
		if lineOf(text, added.Content) != added.ID {
			return nil, Rules{}, unsupportedf("the added token %q has an id of its own", added.Content)
		}
	}
	return text, told.Rules(), nil
}

// lineOf returns the number of the line that holds piece, counting from 0, or -1.
func lineOf(text []byte, piece string) int {
	if bytes.HasPrefix(text, []byte(piece+"\n")) {
		return 0
	}
	before, _, found := bytes.Cut(text, []byte("\n"+piece+"\n"))
	if !found {
		return -1
	}
	return bytes.Count(before, newline) + 1
}

func (f *tokenizerFile) check(told Told) error {
	n, m := f.Normalizer, f.Model
	switch {
	case m.Type != "WordPiece":
		return unsupportedf("its model is %q, not WordPiece", m.Type)
	case m.Unknown != specialNames[0] || m.Prefix != continuation || m.MaxRunes != maxWordRunes:
		return unsupportedf("unk_token %q, continuing_subword_prefix %q and max_input_chars_per_word %d are not %q, %q and %d",
			m.Unknown, m.Prefix, m.MaxRunes, specialNames[0], continuation, maxWordRunes)
	case n.Type != "BertNormalizer":
		return unsupportedf("its normalizer is %q, not BertNormalizer", n.Type)
	case !n.Clean:
		return unsupportedf("its normalizer leaves out clean_text")
	case f.PreTokenizer.Type != "BertPreTokenizer":
		return unsupportedf("its pre_tokenizer is %q, not BertPreTokenizer", f.PreTokenizer.Type)
	case !f.bracketed():
		return unsupportedf("its post_processor is not [CLS] before and [SEP] behind a text")
	}
	var added []string
	for _, token := range f.Added {
		if !slices.Contains(specialNames[:], token.Content) || token.Normalized || token.SingleWord || token.Left || token.Right {
			return unsupportedf("the added token %q", token.Content)
		}
		added = append(added, token.Content)
	}
	slices.Sort(added)
	if len(slices.Compact(added)) != len(specialNames) {
		return unsupportedf("not all of %v are added tokens", specialNames)
	}
	return f.agrees(told)
}

// agrees returns an error where the tokenizer does something else than BERT's uncased one and tokenizer_config.json does
// not say so: which of the two holds depends on the class that reads them.
func (f *tokenizerFile) agrees(told Told) error {
	n, rules := f.Normalizer, told.Rules()
	for _, setting := range []struct {
		key        string
		told       bool
		file, want bool
	}{
		{"do_lower_case", told.Lowercase != nil, n.Lowercase, !rules.KeepCase},
		{"strip_accents", told.Accents != nil || n.Accents == nil, n.Accents != nil && *n.Accents, !rules.KeepAccents},
		{"tokenize_chinese_chars", told.Ideographs != nil, n.Chinese, !rules.JoinIdeographs},
	} {
		if !setting.told && setting.file != setting.want {
			return unsupportedf("its normalizer has %s %t, and tokenizer_config.json does not say so", setting.key, setting.file)
		}
	}
	return nil
}

// bracketed reports whether [CLS] and [SEP] are put around a text.
func (f *tokenizerFile) bracketed() bool {
	p := f.PostProcessor
	if p.Type == "BertProcessing" {
		return len(p.CLS) > 0 && p.CLS[0] == "[CLS]" && len(p.SEP) > 0 && p.SEP[0] == "[SEP]"
	}
	special := func(part map[string]any) any {
		token, _ := part["SpecialToken"].(map[string]any)
		return token["id"]
	}
	return p.Type == "TemplateProcessing" && len(p.Single) == 3 &&
		special(p.Single[0]) == "[CLS]" && p.Single[1]["Sequence"] != nil && special(p.Single[2]) == "[SEP]"
}

// pieces reads an object of pieces and their ids and returns the pieces in the order of their ids, a
// line each. The ids must be 0, 1, 2, … in any order.
func pieces(r *tokenfile.Reader) ([]byte, error) {
	if !r.Next('{') {
		return nil, malformed(r)
	}
	text, n := make([]byte, 0, r.Len()), 0
	var ids []int // nil as long as they are 0, 1, 2, …
	for ; !r.Next('}'); n++ {
		if n > 0 && !r.Next(',') {
			return nil, malformed(r)
		}
		piece, ok := r.Text()
		if !ok || !r.Next(':') {
			return nil, malformed(r)
		}
		id, ok := r.Whole()
		if !ok {
			return nil, malformed(r)
		}
		if len(piece) == 0 || bytes.IndexByte(piece, '\n') >= 0 {
			return nil, fmt.Errorf("piece %q: %w", piece, ErrVocabulary)
		}
		if ids == nil && id != n {
			ids = firstNumbers(n)
		}
		if ids != nil {
			ids = append(ids, id)
		}
		text = append(append(text, piece...), '\n')
	}
	if ids == nil {
		return text, nil
	}
	return ordered(text, ids)
}

func firstNumbers(n int) []int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i
	}
	return numbers
}

// ordered returns the lines of text, line i at place ids[i].
func ordered(text []byte, ids []int) ([]byte, error) {
	lines, i := make([][]byte, len(ids)), 0
	for line := range bytes.Lines(text) {
		if id := ids[i]; id >= len(lines) || lines[id] != nil {
			return nil, fmt.Errorf("piece %q has the id %d, but the ids of %d pieces are not 0, 1, 2 and so on: %w",
				line[:len(line)-1], id, len(lines), ErrVocabulary)
		}
		lines[ids[i]] = line
		i++
	}
	return bytes.Join(lines, nil), nil
}

func malformed(r *tokenfile.Reader) error {
	return fmt.Errorf("vocab is no object from pieces to ids at byte %d: %w", r.Offset(), ErrVocabulary)
}
