package unigram

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

// Texts repeat their words, and where no piece goes on behind a space a word is split alike wherever
// it stands, but for one thing: the scores of paths are sums in float32 since the beginning of the text,
// whose rounding may decide between paths that are nearly as good. So what a word was split into is kept
// with the lead of the best path, and is used where the lead is more than rounding can take away.

const (
	repeats      = 1 << 13 // words that are kept: five of six, in half a megabyte
	repeatBytes  = 24      // of the longest word that is kept, without its space
	repeatPieces = 4       // of the word of most pieces that is kept
)

// repeat is a word and its pieces. It fills a line of the processor's cache.
type repeat struct {
	text   wordText
	ids    [repeatPieces]int32
	scores [repeatPieces]float32
	lead   float32 // of the best path over the next, less what rounding may have added
	length uint8   // of text
	pieces uint8
}

// wordText is a word without its space, with zeros behind it.
type wordText [repeatBytes / 8]uint64

// readWord reads a word of so many bytes at the beginning of text, which has repeatBytes at least.
func readWord(text []byte, length int) (w wordText) {
	text = text[:repeatBytes]
	for i := range w {
		w[i] = binary.LittleEndian.Uint64(text[8*i:]) & (1<<(8*uint(max(0, length-8*i))) - 1)
	}
	return w
}

// place returns where a word is kept.
func (w *wordText) place() uint64 {
	const multiplier = 0x9e3779b97f4a7c15 // any large odd number
	hash := uint64(0)
	for _, part := range w {
		high, low := bits.Mul64(hash^part, multiplier)
		hash = high ^ low
	}
	return hash % repeats
}

// wordLength returns the length of the first word of a normal form, with its space.
func wordLength(text []byte) int {
	for i := len(space); ; i++ {
		if i+len(space) > len(text) {
			return len(text)
		}
		if text[i] == space[0] && text[i+1] == space[1] && text[i+2] == space[2] {
			return i
		}
	}
}

// splitWords is split for a normal form whose words are split by themselves. Behind text there must be
// room for repeatBytes.
func (t *Tokenizer) splitWords(ids []int32, s *scratch, text []byte) []int32 {
	if s.kept == nil {
		s.kept = make([]repeat, repeats)
	}
	first := len(ids)
	s.ends[0].score = 0
	for len(text) > 0 {
		n := wordLength(text)
		word, length := text[:n], n-len(space)
		text = text[n:]
		if length > repeatBytes {
			ids = t.splitter.goOn(ids, first, s, word)
			continue
		}
		path := float32(s.ends[0].score)
		slack := rounding(path, t.pieces.unknown, n)
		read := readWord(word[len(space):len(space)+repeatBytes], length)
		kept := &s.kept[read.place()]
		if kept.text != read || int(kept.length) != length || !(kept.lead > slack) {
			before := len(ids)
			ids = t.splitter.goOn(ids, first, s, word)
			if kept.take(ids[before:], s, t.pieces) {
				kept.text, kept.length, kept.lead = read, uint8(length), float32(s.lead)-slack
			}
			continue
		}
		for i := range min(kept.pieces, repeatPieces) {
			path += kept.scores[i]
			ids = append(ids, kept.ids[i])
		}
		s.ends[0].score = float64(path)
	}
	return ids
}

// take keeps the pieces of a word that was just split, unless they are too many or one is unknown.
func (r *repeat) take(ids []int32, s *scratch, pieces *doubleArray) bool {
	if len(ids) > repeatPieces || len(ids) != len(s.refs) || slices.Contains(s.refs, 0) {
		return false
	}
	r.pieces = uint8(copy(r.ids[:], ids))
	for i, ref := range s.refs {
		r.scores[i] = pieces.score(ref)
	}
	return true
}

// rounding returns more than what rounding can do to the difference of two paths of a word, which have no
// more pieces than it has bytes, none with a smaller score than least.
func rounding(path, least float32, bytes int) float32 {
	const unit = 1.0 / (1 << 22) // 4 times what one addition may be off, relative to its result
	return float32(bytes) * unit * (float32(math.Abs(float64(path))) - float32(bytes)*least)
}
