package unigram

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"sheaf/internal/tokenfile"
)

// ErrUnsupported is wrapped by the error about a tokenizer whose ids this package would get wrong.
var ErrUnsupported = errors.New("the tokenizer is not supported")

func unsupportedf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...))
}

// tokenizerFile is the part of a tokenizer.json on which ids depend. Truncation and padding belong to
// the model.
type tokenizerFile struct {
	Added         []addedToken  `json:"added_tokens"`
	Normalizer    normalizer    `json:"normalizer"`
	PreTokenizer  preTokenizer  `json:"pre_tokenizer"`
	PostProcessor postProcessor `json:"post_processor"`
	Model         struct {
		Type         string `json:"type"` // older versions leave it out
		Unknown      *int32 `json:"unk_id"`
		ByteFallback bool   `json:"byte_fallback"`
	} `json:"model"`
}

type normalizer struct {
	Type       string `json:"type"`
	Charsmap   string `json:"precompiled_charsmap"` // of Precompiled
	StripLeft  bool   `json:"strip_left"`           // of Strip
	StripRight bool   `json:"strip_right"`
	Pattern    struct {
		Regex string
	} `json:"pattern"` // of Replace
	Content string       `json:"content"`
	Parts   []normalizer `json:"normalizers"` // of Sequence
}

type preTokenizer struct {
	Type        string         `json:"type"`
	Replacement string         `json:"replacement"` // of Metaspace
	Prefix      *bool          `json:"add_prefix_space"`
	Scheme      string         `json:"prepend_scheme"` // has taken the place of Prefix
	Split       *bool          `json:"split"`          // not given: true
	Parts       []preTokenizer `json:"pretokenizers"`  // of Sequence
}

type postProcessor struct {
	Type   string         `json:"type"`
	Single []templatePart `json:"single"` // of TemplateProcessing
	Tokens map[string]struct {
		IDs []int32 `json:"ids"`
	} `json:"special_tokens"`
}

type templatePart struct {
	Special *struct {
		ID   string `json:"id"`
		Type int    `json:"type_id"`
	} `json:"SpecialToken"`
	Sequence *struct {
		ID   string `json:"id"`
		Type int    `json:"type_id"`
	} `json:"Sequence"`
}

// ReadTokenizer returns the tokenizer of a tokenizer.json with a Unigram model, as those of the XLM-R
// family are: normalized by a charsmap, perhaps with runs of spaces made one; split at spaces; and
// put between two tokens.
func ReadTokenizer(data []byte) (*HuggingFace, error) {
	h := &HuggingFace{}
	var f tokenizerFile
	err := tokenfile.Decode(data, func(r *tokenfile.Reader) (err error) {
		h.words, err = readWords(r)
		return err
	}, &f)
	switch {
	case errors.Is(err, tokenfile.ErrNoVocabulary):
		return nil, unsupportedf("%v", err)
	case err != nil:
		return nil, err
	}
	h.splitter.lexicon = h.words
	for _, set := range []func(*tokenizerFile) error{h.setModel, h.setNormalizer, h.setPreTokenizer, h.setAdded, h.setTemplate} {
		if err := set(&f); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func (h *HuggingFace) setModel(f *tokenizerFile) error {
	m := f.Model
	switch {
	case m.Type != "Unigram" && m.Type != "":
		return unsupportedf("its model is %q, not Unigram", m.Type)
	case m.ByteFallback:
		return unsupportedf("its model falls back to bytes (byte_fallback)")
	case m.Unknown == nil || *m.Unknown < 0 || int(*m.Unknown) >= h.Size():
		return unsupportedf("its unk_id is not the id of a piece")
	}
	h.splitter.unknown = *m.Unknown
	return nil
}

// setNormalizer takes a charsmap, by itself or followed by what transformers' converters put behind it.
func (h *HuggingFace) setNormalizer(f *tokenizerFile) error {
	parts := f.Normalizer.Parts
	if f.Normalizer.Type != "Sequence" {
		parts = []normalizer{f.Normalizer}
	}
	if len(parts) == 0 || parts[0].Type != "Precompiled" {
		return unsupportedf("its normalizer is %q, not Precompiled or a Sequence that begins with it", cmpFirst(parts, f.Normalizer.Type))
	}
	data, err := base64.StdEncoding.DecodeString(parts[0].Charsmap)
	if err != nil {
		return fmt.Errorf("precompiled_charsmap: %w: %w", err, ErrModel)
	}
	m, err := openCharsmap(string(data))
	if err != nil {
		return err
	}
	if !utf8.ValidString(m.texts) {
		return fmt.Errorf("precompiled_charsmap has replacements that are not UTF-8: %w", ErrModel)
	}
	h.rules = newGraphemes(m)
	for _, part := range parts[1:] {
		switch {
		case part.Type == "Replace" && h.run == "" && part.Pattern.Regex == " {2,}" && (part.Content == " " || part.Content == space):
			h.run = part.Content
		case part.Type == "Strip" && h.run == "" && !part.StripLeft && part.StripRight:
			h.trim = true
		default:
			return unsupportedf("its normalizer has a step %q that is not known behind a Precompiled one", part.Type)
		}
	}
	return nil
}

// cmpFirst returns the type of the first of the parts of a Sequence, or that of the whole.
func cmpFirst(parts []normalizer, whole string) string {
	if len(parts) == 0 {
		return whole
	}
	return parts[0].Type
}

// setPreTokenizer takes Metaspace, by itself or behind WhitespaceSplit.
func (h *HuggingFace) setPreTokenizer(f *tokenizerFile) error {
	p := f.PreTokenizer
	if p.Type == "Sequence" && len(p.Parts) == 2 && p.Parts[0].Type == "WhitespaceSplit" {
		h.fields, p = true, p.Parts[1]
	}
	scheme := p.Scheme
	if scheme == "" && (p.Prefix == nil || *p.Prefix) {
		scheme = "always"
	}
	switch {
	case p.Type != "Metaspace":
		return unsupportedf("its pre_tokenizer is %q, not Metaspace or WhitespaceSplit and Metaspace", p.Type)
	case p.Replacement != space:
		return unsupportedf("its pre_tokenizer writes a space as %q, not %q", p.Replacement, space)
	case scheme != "always":
		return unsupportedf("its pre_tokenizer does not put a space before every text (prepend_scheme %q)", scheme)
	case p.Split != nil && !*p.Split:
		return unsupportedf("its pre_tokenizer does not split at spaces")
	}
	return nil
}

func (h *HuggingFace) setAdded(f *tokenizerFile) error {
	for _, token := range f.Added {
		switch {
		case token.SingleWord || token.Right:
			return unsupportedf("the added token %q is single_word or rstrip", token.Content)
		case token.Content == "" || h.words.lookUp(token.Content) != token.ID:
			return unsupportedf("the added token %q has an id of its own", token.Content)
		case !token.Normalized:
			h.added = append(h.added, token)
			continue
		case h.normalize(token.Content) != token.Content:
			return unsupportedf("the added token %q has another normal form", token.Content)
		}
		h.normal = append(h.normal, token)
	}
	for _, tokens := range [][]addedToken{h.added, h.normal} {
		slices.SortStableFunc(tokens, func(a, b addedToken) int { return len(b.Content) - len(a.Content) })
	}
	return nil
}

// setTemplate takes a template of one token, the text, and one token.
func (h *HuggingFace) setTemplate(f *tokenizerFile) error {
	p := f.PostProcessor
	if p.Type != "TemplateProcessing" || len(p.Single) != 3 {
		return unsupportedf("its post_processor is %q, not TemplateProcessing with a token before and one behind a text", p.Type)
	}
	first, text, last := p.Single[0].Special, p.Single[1].Sequence, p.Single[2].Special
	if first == nil || text == nil || last == nil || first.Type != 0 || text.Type != 0 || last.Type != 0 {
		return unsupportedf("its post_processor is not a token before and one behind a text, all of type 0")
	}
	for _, set := range []struct {
		name string
		id   *int32
	}{{first.ID, &h.First}, {last.ID, &h.Last}} {
		ids := p.Tokens[set.name].IDs
		if len(ids) != 1 || ids[0] != h.words.lookUp(set.name) {
			return unsupportedf("the token %q of its post_processor is no piece", set.name)
		}
		*set.id = ids[0]
	}
	h.FirstToken, h.LastToken = first.ID, last.ID
	return nil
}
