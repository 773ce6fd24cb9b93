// Package wordpiece turns text into the token ids of a BERT model, cased or not: the
// normaliser, the pre-tokenizer and the greedy WordPiece of Hugging Face's
// BertTokenizerFast. The ids are equal to that tokenizer's, without the [CLS] and [SEP]
// around them and without truncation, which belong to the model.
//
// Text is split into special tokens ([CLS], [SEP], [MASK], [PAD] and [UNK], in exact
// case, anywhere) and the rest. In the rest controls are dropped; unless [Rules] say
// otherwise each ideograph is a word, accents are stripped (NFD without Mn) and letters are
// lower-cased; and words end at white space and around every punctuation mark. A word is covered by the longest pieces
// of the vocabulary from left to right; a word that cannot be covered, or has more than
// 100 code points, is [UNK].
//
// Marks and punctuation are those of Unicode 8, as in Hugging Face's tables. Text
// that is not UTF-8 is read as if the bad bytes were U+FFFD, and these are dropped.
package wordpiece

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxWordRunes is WordPiece's max_input_chars_per_word.
const maxWordRunes = 100

// headroom is the space in the buffer before a word, for the "##" of its later pieces.
const headroom = len(continuation)

const continuation = "##"

// maxWordBytes bounds a word with its headroom.
const maxWordBytes = headroom + maxWordRunes*utf8.UTFMax

// specialNames lists the special tokens of BERT.
var specialNames = [...]string{"[UNK]", "[CLS]", "[SEP]", "[MASK]", "[PAD]"}

// Tokenizer is read-only and safe for concurrent use.
type Tokenizer struct {
	vocabulary *Vocabulary
	rules      Rules
	special    [len(specialNames)]int32
	unknown    int32
}

// New makes a tokenizer over a vocabulary, which must have BERT's special
// tokens.
func New(v *Vocabulary, rules Rules) (*Tokenizer, error) {
	t := &Tokenizer{vocabulary: v, rules: rules}
	for i, name := range specialNames {
		id, found := v.ID(name)
		if !found {
			return nil, fmt.Errorf("no piece %q: %w", name, ErrVocabulary)
		}
		t.special[i] = id
	}
	t.unknown = t.special[0]
	return t, nil
}

// Append appends the ids of text to ids and returns the longer slice. Text that
// is mostly ASCII costs no allocation.
func (t *Tokenizer) Append(ids []int32, text string) []int32 {
	w := word{tokenizer: t, ids: ids}
	w.reset()
	for i := 0; i < len(text); {
		c := text[i]
		switch class := byteClass[c]; class {
		case letter:
			if !t.rules.KeepCase {
				c = lower(c)
			}
			w.add(c)
			i++
		case space:
			w.flush()
			i++
		case control:
			i++
		case punctuation:
			if c == '[' {
				if special := t.specialAt(text[i:]); special >= 0 {
					w.flush()
					w.ids = append(w.ids, t.special[special])
					i += len(specialNames[special])
					continue
				}
			}
			w.flush()
			w.add(c)
			w.flush()
			i++
		default:
			i = w.addRun(text, i)
		}
	}
	w.flush()
	return w.ids
}

// specialAt returns the index of the special token that text starts with, or -1.
func (t *Tokenizer) specialAt(text string) int {
	for i, name := range specialNames {
		if strings.HasPrefix(text, name) {
			return i
		}
	}
	return -1
}

// word collects the characters of a normalized word and looks it up.
type word struct {
	tokenizer *Tokenizer
	ids       []int32
	buf       [maxWordBytes]byte
	n         int // bytes of buf in use, headroom included
	runes     int // code points of the word, also those past the limit
	hash      uint64
}

func (w *word) reset() { w.n, w.runes, w.hash = headroom, 0, hashSeed }

// add appends an ASCII character.
func (w *word) add(c byte) {
	w.runes++
	if w.runes > maxWordRunes {
		return
	}
	w.buf[w.n] = c
	w.n++
	w.hash = (w.hash ^ uint64(c)) * hashPrime
}

// addRune appends any character.
func (w *word) addRune(r rune) {
	if r < utf8.RuneSelf {
		w.add(byte(r))
		return
	}
	w.runes++
	if w.runes > maxWordRunes {
		return
	}
	start := w.n
	w.n += utf8.EncodeRune(w.buf[w.n:], r)
	w.hash = hash(w.hash, w.buf[start:w.n])
}

// flush looks up the word, if there is one, and starts the next.
func (w *word) flush() {
	if w.runes == 0 {
		return
	}
	if w.runes > maxWordRunes {
		w.ids = append(w.ids, w.tokenizer.unknown)
	} else if id, found := w.tokenizer.vocabulary.lookup(w.buf[headroom:w.n], w.hash); found {
		w.ids = append(w.ids, id)
	} else {
		w.flushPieces()
	}
	w.reset()
}

// flushPieces covers the word with the longest pieces from left to right. The "##" of a
// later piece is written over the bytes before it, which are covered.
func (w *word) flushPieces() {
	before := len(w.ids)
	for start := headroom; start < w.n; {
		from := start
		if start > headroom {
			from -= len(continuation)
			copy(w.buf[from:], continuation)
		}
		id, end := w.tokenizer.vocabulary.longest(w.buf[from:w.n], start-from)
		if end == 0 {
			w.ids = append(w.ids[:before], w.tokenizer.unknown)
			return
		}
		w.ids = append(w.ids, id)
		start = from + end
	}
}
