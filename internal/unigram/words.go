package unigram

import (
	"fmt"
	"math"
	"unicode/utf8"

	"sheaf/internal/dense"
	"sheaf/internal/tokenfile"
)

// words is the lexicon of a tokenizer.json. Its paths are scored in float64. To open one takes a
// small part of the time that Build takes, to look pieces up in it longer: every query reads the
// file, and few of its pieces.
type words struct {
	text    string   // of all pieces, behind each other
	ends    []uint32 // of each in text
	scores  []float64
	ids     dense.Table // by the hash of the piece
	longest int         // bytes of the longest piece
	unknown float64     // score of what is no piece
}

// FNV-1a, 64 bit.
const (
	hashSeed  = 14695981039346656037
	hashPrime = 1099511628211
)

// fold mixes the upper bits of an FNV hash, which are the better ones, into the lower.
func fold(h uint64) uint64 { return h ^ h>>32 }

// readWords reads a list of pieces with their scores.
func readWords(r *tokenfile.Reader) (*words, error) {
	w, text := &words{}, make([]byte, 0, r.Len()/4)
	least := math.Inf(1)
	for ok := r.Next('['); !r.Next(']'); ok = r.Next(',') {
		if !ok || !r.Next('[') {
			return nil, malformed(r)
		}
		piece, isText := r.Text()
		if !isText || !r.Next(',') {
			return nil, malformed(r)
		}
		score, isNumber := r.Float()
		if !isNumber || !r.Next(']') {
			return nil, malformed(r)
		}
		if len(piece) == 0 || len(text)+len(piece) > math.MaxInt32 {
			return nil, fmt.Errorf("piece %d, %.20q, is empty or too long: %w", len(w.ends), piece, ErrModel)
		}
		h := uint64(hashSeed)
		for _, c := range piece {
			h = (h ^ uint64(c)) * hashPrime
		}
		text = append(text, piece...)
		w.ids.Add(fold(h), uint32(len(w.ends)))
		w.ends, w.scores = append(w.ends, uint32(len(text))), append(w.scores, score)
		w.longest, least = max(w.longest, len(piece)), min(least, score)
	}
	w.text, w.unknown = string(text), least-unknownPenalty
	return w, nil
}

func malformed(r *tokenfile.Reader) error {
	return fmt.Errorf("vocab is no list of pieces with scores at byte %d: %w", r.Offset(), ErrModel)
}

func (w *words) size() int { return len(w.ends) }

// piece returns the text of a piece.
func (w *words) piece(id uint32) string {
	if id == 0 {
		return w.text[:w.ends[0]]
	}
	return w.text[w.ends[id-1]:w.ends[id]]
}

// find returns the id of a piece, given its hash. Of two that are equal it is the last one.
func (w *words) find(piece []byte, h uint64) (id uint32, found bool) {
	for n := range w.ids.At(fold(h)) {
		if w.piece(n) == string(piece) {
			id, found = n, true
		}
	}
	return id, found
}

// lookUp returns the id of a piece, or -1.
func (w *words) lookUp(piece string) int32 {
	h := uint64(hashSeed)
	for i := range len(piece) {
		h = (h ^ uint64(piece[i])) * hashPrime
	}
	if id, found := w.find([]byte(piece), h); found {
		return int32(id)
	}
	return -1
}

// extend implements lexicon. A piece is known by its id plus one.
func (w *words) extend(s *scratch, at int, text []byte, width int) (longest int) {
	path := s.ends[at].score
	known := false
	h := uint64(hashSeed)
	for i, c := range text[:min(len(text), w.longest)] {
		h = (h ^ uint64(c)) * hashPrime
		if i+1 < len(text) && !utf8.RuneStart(text[i+1]) {
			continue
		}
		if id, found := w.find(text[:i+1], h); found {
			longest = i + 1
			known = known || longest == width
			s.offer(at+longest, end{path + w.scores[id], 0, int32(longest), id + 1})
		}
	}
	if !known {
		longest = max(longest, width)
		s.offer(at+width, end{path + w.unknown, 0, int32(width), 0})
	}
	return longest
}

// id implements lexicon.
func (w *words) id(ref uint32) int32 { return int32(ref - 1) }
