// Package unigram splits text into the pieces of a unigram model. Of all ways to write the normal
// form of a text with pieces it takes the one whose scores, the logarithms of the pieces'
// probabilities, have the largest sum.
//
// There are two implementations whose normal forms and roundings differ, and both have their models:
// [Tokenizer] is SentencePiece's (https://github.com/google/sentencepiece, normalizer.cc and
// unigram_model.cc, function EncodeOptimized), over data that was prepared and is used where it lies.
// [HuggingFace] is that of Hugging Face's tokenizers (https://github.com/huggingface/tokenizers),
// with the tokenizer.json of an XLM-R.
//
// A model may be of a stranger's making: whatever its bytes, splitting ends, and a rule of a
// normalizer writes no more than a few bytes. A file with other rules than this package knows is
// refused, with the difference.
package unigram

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// ErrModel is wrapped by every error about a model's data.
var ErrModel = errors.New("not a unigram model")

// Unknown is the id of what no piece covers. Neighbouring unknown characters are one.
const Unknown = 0

// unknownPenalty is how much less likely than the rarest piece an unknown character is.
const unknownPenalty = 10

// Data is a model, ready to be used. Build makes its Trie and Scores.
type Data struct {
	Charsmap string  // precompiled_charsmap of the normalizer
	Trie     string  // double array over the pieces; the value of a piece is its id
	Scores   string  // little-endian float32 for each unit of Trie: that of the piece that ends there
	Least    float32 // smallest score of a piece
	Plain    bool    // the normalizer leaves printable ASCII as it is, unless marks follow: nmt_nfkc does
	Apart    bool    // a piece has a space at its beginning or none, a space is a piece, and no score is above 0
}

// Tokenizer splits texts. It is safe for concurrent use.
type Tokenizer struct {
	normalizer charsmap
	splitter   splitter
	pieces     *doubleArray
	apart      bool
}

// Build returns the Trie and the Scores of a model whose pieces are given, index = id. A piece that
// text must not be split into, such as a control symbol, is "". Lookups are fastest if the most
// frequent pieces come first.
func Build(pieces []string, scores []float32) (trie, unitScores string, err error) {
	for id, piece := range pieces {
		if !utf8.ValidString(piece) || strings.IndexByte(piece, 0) >= 0 {
			return "", "", fmt.Errorf("piece %d, %q, is not UTF-8 without zeros: %w", id, piece, ErrModel)
		}
	}
	if len(pieces) != len(scores) {
		return "", "", fmt.Errorf("%d pieces with %d scores: %w", len(pieces), len(scores), ErrModel)
	}
	t, err := buildTrie(pieces)
	if err != nil {
		return "", "", fmt.Errorf("%w: %w", err, ErrModel)
	}
	flat := make([]byte, len(t))
	for at := range uint32(len(t) / unitBytes) {
		if unit := t.unit(at); unit&valueBit == 0 && ends(unit) {
			id := t.value(at ^ offset(unit))
			binary.LittleEndian.PutUint32(flat[at*unitBytes:], math.Float32bits(scores[id]))
		}
	}
	return string(t), string(flat), nil
}

// Open returns the tokenizer of a model. It reads nothing, so the caller must know that the parts
// belong together.
func Open(d Data) (*Tokenizer, error) {
	m, err := openCharsmap(d.Charsmap)
	switch {
	case err != nil:
		return nil, err
	case len(d.Trie) != len(d.Scores) || len(d.Trie)%unitBytes != 0:
		return nil, fmt.Errorf("trie of %d bytes with scores of %d: %w", len(d.Trie), len(d.Scores), ErrModel)
	}
	m.plain = d.Plain
	units := trie(d.Trie)
	pieces := &doubleArray{units, units.root(), d.Scores, d.Least - unknownPenalty}
	return &Tokenizer{normalizer: m, splitter: splitter{lexicon: pieces, unknown: Unknown}, pieces: pieces, apart: d.Apart}, nil
}

// padding is read behind a text.
var padding [repeatBytes]byte

// Append appends the ids of text's pieces.
func (t *Tokenizer) Append(ids []int32, text string) []int32 {
	s := t.splitter.scratch()
	s.text = append(t.normalizer.appendNormal(s.text[:0], text), padding[:]...)
	split := t.splitter.split
	if t.apart {
		split = t.splitWords
	}
	ids = split(ids, s, s.text[:len(s.text)-len(padding)])
	t.splitter.keep(s)
	return ids
}

// doubleArray is a lexicon as Build makes it. Its paths are scored in float32, in the order of
// SentencePiece.
type doubleArray struct {
	pieces  trie
	root    uint32
	scores  string
	unknown float32
}

// extend implements lexicon. A piece is known by the node at which it ends.
func (d *doubleArray) extend(s *scratch, at int, text []byte, width int) (longest int) {
	path := float32(s.ends[at].score)
	known := false
	base, pieces := d.root, d.pieces
	for i, c := range text {
		node := base ^ uint32(c)
		unit := pieces.unit(node)
		if unit&labelMask != uint32(c) {
			break
		}
		if base = node ^ offset(unit); ends(unit) {
			longest = i + 1
			known = known || longest == width
			s.offer(at+longest, end{float64(path + d.score(node)), 0, int32(longest), node})
		}
	}
	if !known {
		longest = max(longest, width)
		s.offer(at+width, end{float64(path + d.unknown), 0, int32(width), 0})
	}
	return longest
}

// score returns the score of the piece that ends at a node.
func (d *doubleArray) score(node uint32) float32 {
	return math.Float32frombits(word(d.scores[node*unitBytes:]))
}

// id implements lexicon.
func (d *doubleArray) id(node uint32) int32 {
	return int32(d.pieces.value(node ^ offset(d.pieces.unit(node))))
}
