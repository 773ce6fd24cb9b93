// Package unigram splits text into the pieces of a SentencePiece unigram model, as the reference
// implementation does: https://github.com/google/sentencepiece, normalizer.cc and
// unigram_model.cc, function EncodeOptimized. Of all ways to write the normal form of a text with
// pieces it takes the one whose scores, the logarithms of the pieces' probabilities, have the
// largest sum.
//
// A model's data is used where it lies; opening one that was prepared costs nothing. A normalizer's
// table may be of a stranger's making: whatever its bytes, splitting ends, and a rule writes no more
// than a few bytes.
package unigram

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
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
}

// Tokenizer splits texts. It is safe for concurrent use.
type Tokenizer struct {
	normalizer charsmap
	pieces     trie
	root       uint32
	scores     string
	unknown    float32
	scratch    sync.Pool // of *scratch
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
	pieces := trie(d.Trie)
	return &Tokenizer{normalizer: m, pieces: pieces, root: pieces.root(), scores: d.Scores, unknown: d.Least - unknownPenalty}, nil
}

// Append appends the ids of text's pieces.
func (t *Tokenizer) Append(ids []int32, text string) []int32 {
	s, _ := t.scratch.Get().(*scratch)
	if s == nil {
		s = &scratch{ends: make([]end, 1)}
	}
	s.text = t.normalizer.appendNormal(s.text[:0], text)
	s.ends[0].score = 0
	ids = t.split(ids, s)
	if cap(s.text) <= maxKept && cap(s.ends) <= maxKept {
		t.scratch.Put(s)
	}
	return ids
}

// maxKept bounds what a scratch that is kept holds, in elements.
const maxKept = 1 << 16

// scratch is the working memory of one text.
type scratch struct {
	text []byte   // normal form
	ends []end    // by byte since the last position that every path meets
	back []uint32 // bases of pieces from the last to the first
}

// end is the best path to a position.
type end struct {
	score  float32 // of all pieces since the beginning of the text
	length int32   // bytes of the last piece; 0: no path leads here so far
	base   uint32  // where the trie has the id of the last piece; 0: it is unknown
}

// split finds the best path through the positions of the text from the left. Wherever all paths
// meet, as they do between words, the pieces so far are settled: memory does not grow with the text.
// Scores are added in float32, in the reference's order.
func (t *Tokenizer) split(ids []int32, s *scratch) []int32 {
	first, met, reach := len(ids), 0, 0
	for start := 0; start < len(s.text); {
		if reach <= start { // nothing leads past this position
			ids = t.settle(s, ids, first, start-met)
			met = start
		}
		width := 1
		if s.text[start] >= utf8.RuneSelf {
			_, width = utf8.DecodeRune(s.text[start:])
		}
		reach = max(reach, start+t.extend(s, start-met, s.text[start:], width))
		start += width
	}
	return t.settle(s, ids, first, len(s.text)-met)
}

// extend extends the best path to the position at, where text begins, by each piece that text begins
// with, and by an unknown one if its first character, of width bytes, is no piece. It returns the
// length of the longest.
func (t *Tokenizer) extend(s *scratch, at int, text []byte, width int) (longest int) {
	path := s.ends[at].score
	known := false
	base, pieces := t.root, t.pieces
	for i, c := range text {
		node := base ^ uint32(c)
		unit := pieces.unit(node)
		if unit&labelMask != uint32(c) {
			break
		}
		if base = node ^ offset(unit); ends(unit) {
			longest = i + 1
			known = known || longest == width
			s.offer(at+longest, end{path + t.score(node), int32(longest), base})
		}
	}
	if !known {
		longest = max(longest, width)
		s.offer(at+width, end{path + t.unknown, int32(width), 0})
	}
	return longest
}

// score returns the score of the piece that ends at a node.
func (t *Tokenizer) score(node uint32) float32 {
	return math.Float32frombits(word(t.scores[node*unitBytes:]))
}

// offer takes the path e to a position unless one that is as good leads there.
func (s *scratch) offer(at int, e end) {
	if at >= len(s.ends) {
		s.ends = append(s.ends, make([]end, at+1)...)
	}
	if old := &s.ends[at]; old.length == 0 || e.score > old.score {
		*old = e
	}
}

// settle appends the pieces of the best path to a position, which becomes position 0. The text's
// ids begin at first.
func (t *Tokenizer) settle(s *scratch, ids []int32, first, at int) []int32 {
	s.back = s.back[:0]
	for i := at; i > 0; i -= int(s.ends[i].length) {
		s.back = append(s.back, s.ends[i].base)
	}
	for _, base := range slices.Backward(s.back) {
		id := int32(Unknown)
		if base != 0 {
			id = int32(t.pieces.value(base))
		}
		if id != Unknown || len(ids) == first || ids[len(ids)-1] != Unknown {
			ids = append(ids, id)
		}
	}
	score := s.ends[at].score
	clear(s.ends[:at+1])
	s.ends[0].score = score
	return ids
}
