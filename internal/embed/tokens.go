package embed

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"sheaf/internal/tokenfile"
	"sheaf/internal/transformer"
	"sheaf/internal/unigram"
	"sheaf/internal/wordpiece"
)

const maxVocabulary = 64 << 20 // bytes; that of BERT's tokenizer.json is 0.5 MB, that of an XLM-R's 17 MB

// textTokens makes the token ids of a model's texts.
type textTokens struct {
	tokenizer          tokenizer
	before, behind     string // tokens around every text
	beforeID, behindID int32
	size               int                   // ids are below it
	describe           func(io.Writer) error // writes what the ids depend on
}

// readTokens reads the tokenizer in a folder of a model.
func readTokens(dir string, s transformer.Settings) (*textTokens, error) {
	t, err := readTokenizer(dir, s)
	if err != nil {
		return nil, err
	}
	if t.size > s.Vocabulary {
		return nil, fmt.Errorf("the tokenizer has %d pieces, the model %d", t.size, s.Vocabulary)
	}
	if first, last := cmp.Or(s.FirstToken, t.before), cmp.Or(s.LastToken, t.behind); first != t.before || last != t.behind {
		return nil, fmt.Errorf("tokenizer_config.json: cls_token %s and sep_token %s are not those of the tokenizer, %s and %s", first, last, t.before, t.behind)
	}
	return t, nil
}

// readTokenizer reads a folder's tokenizer.json, or vocab.txt where there is none.
func readTokenizer(dir string, s transformer.Settings) (*textTokens, error) {
	path := filepath.Join(dir, "tokenizer.json")
	data, err := readAtMost(path, maxVocabulary)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return readVocabulary(dir, s)
	case err != nil:
		return nil, err
	}
	read := newWordPiece
	if tokenfile.ListsScores(data) {
		read = newUnigram
	}
	t, err := read(data, s)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return t, nil
}

func newUnigram(data []byte, _ transformer.Settings) (*textTokens, error) {
	h, err := unigram.ReadTokenizer(data)
	if err != nil {
		return nil, err
	}
	return &textTokens{
		tokenizer: h, before: h.FirstToken, behind: h.LastToken, beforeID: h.First, behindID: h.Last, size: h.Size(),
		describe: func(w io.Writer) error { _, err := h.WriteTo(w); return err },
	}, nil
}

func told(s transformer.Settings) wordpiece.Told {
	return wordpiece.Told{Lowercase: s.TokenizerLowercase, Accents: s.TokenizerAccents, Ideographs: s.TokenizerIdeographs}
}

func newWordPiece(data []byte, s transformer.Settings) (*textTokens, error) {
	text, rules, err := wordpiece.ReadTokenizer(data, told(s))
	if err != nil {
		return nil, err
	}
	return newPieces(text, rules)
}

// readVocabulary reads a folder's vocab.txt.
func readVocabulary(dir string, s transformer.Settings) (*textTokens, error) {
	text, err := readAtMost(filepath.Join(dir, "vocab.txt"), maxVocabulary)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%q has neither tokenizer.json nor vocab.txt", dir)
	}
	if err != nil {
		return nil, err
	}
	return newPieces(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), told(s).Rules())
}

// newPieces makes the tokenizer of a BERT, of its pieces, one a line.
func newPieces(text []byte, rules wordpiece.Rules) (*textTokens, error) {
	v, err := openVocabulary(text)
	if err != nil {
		return nil, err
	}
	w, err := wordpiece.New(v, rules)
	if err != nil {
		return nil, err
	}
	t := &textTokens{tokenizer: w, before: "[CLS]", behind: "[SEP]", size: v.Size()}
	t.beforeID, _ = v.ID(t.before)
	t.behindID, _ = v.ID(t.behind)
	t.describe = func(out io.Writer) error {
		_, err := out.Write(text)
		if err == nil && rules != (wordpiece.Rules{}) {
			_, err = fmt.Fprintf(out, "%+v", rules)
		}
		return err
	}
	return t, nil
}

// openVocabulary uses the index in the program where the vocabulary is BERT's own, as it
// nearly always is: building one takes much longer.
func openVocabulary(text []byte) (*wordpiece.Vocabulary, error) {
	if bytes.Equal(text, builtinVocab) {
		return wordpiece.OpenVocabulary(builtinVocab, builtinIndex, builtinVocabulary, builtinLongest)
	}
	return wordpiece.NewVocabulary(text)
}

func readAtMost(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%q is larger than %d bytes", path, limit)
	}
	return os.ReadFile(path)
}
