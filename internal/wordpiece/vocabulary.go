package wordpiece

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// An index is an open-addressed hash table over the pieces of a vocabulary:
// a power of two of 8-byte little-endian slots, each the byte offset of the
// piece in the vocabulary's text (upper 32 bits) and its id plus one (lower
// 32 bits); 0 is an empty slot. A piece is in the first slot from hash(piece) on that
// was free. An index is plain data: the program embeds one, which costs nothing at start.
const slotBytes = 8

// FNV-1a, 64 bit.
const (
	hashSeed  = 14695981039346656037
	hashPrime = 1099511628211
)

// ErrVocabulary is wrapped by every error about a vocabulary or its index.
var ErrVocabulary = errors.New("not a WordPiece vocabulary")

// Vocabulary finds the id of a piece. It is read-only and safe for concurrent
// use.
type Vocabulary struct {
	text  []byte // one piece per line, line number = id
	index []byte
	mask  uint64
	size  int // pieces
	limit int // bytes of the longest piece, its "##" included
}

// NewVocabulary reads a vocab.txt: one piece per line, line number = id. It builds the
// index, which takes one or two milliseconds.
func NewVocabulary(text []byte) (*Vocabulary, error) {
	if !bytes.HasSuffix(text, newline) {
		text = append(bytes.Clone(text), newline...)
	}
	index, err := BuildIndex(text)
	if err != nil {
		return nil, err
	}
	var size, limit int
	for line := range bytes.Lines(text) {
		size++
		limit = max(limit, len(bytes.TrimSuffix(line, newline)))
	}
	return OpenVocabulary(text, index, size, limit)
}

// OpenVocabulary returns the vocabulary with the given text and the index that BuildIndex
// made of it. size is the number of pieces, longest the bytes of the longest one. Nothing is
// read, so it costs nothing; the caller must know that the arguments agree.
func OpenVocabulary(text, index []byte, size, longest int) (*Vocabulary, error) {
	slots := uint64(len(index) / slotBytes)
	if slots == 0 || slots&(slots-1) != 0 || len(index)%slotBytes != 0 {
		return nil, fmt.Errorf("index of %d bytes: %w", len(index), ErrVocabulary)
	}
	return &Vocabulary{text: text, index: index, mask: slots - 1, size: size, limit: longest}, nil
}

// Size returns the number of pieces. Ids are below it.
func (v *Vocabulary) Size() int { return v.size }

// ID returns the id of a whole piece ("hello", "##ing", "[CLS]").
func (v *Vocabulary) ID(piece string) (int32, bool) {
	return v.lookup([]byte(piece), hash(hashSeed, []byte(piece)))
}

func (v *Vocabulary) lookup(piece []byte, h uint64) (int32, bool) {
	for i := fold(h) & v.mask; ; i = (i + 1) & v.mask {
		slot := binary.LittleEndian.Uint64(v.index[i*slotBytes:])
		if slot == 0 {
			return 0, false
		}
		at := slot >> 32
		end := at + uint64(len(piece))
		if end < uint64(len(v.text)) && v.text[end] == '\n' && string(v.text[at:end]) == string(piece) {
			return int32(uint32(slot) - 1), true
		}
	}
}

// BuildIndex returns the index of a vocab.txt. Every line must end in a newline. A
// piece that repeats or is empty is an error.
func BuildIndex(text []byte) ([]byte, error) {
	if len(text) == 0 || text[len(text)-1] != '\n' {
		return nil, fmt.Errorf("the last line has no end: %w", ErrVocabulary)
	}
	slots := 1
	for slots < 2*bytes.Count(text, newline) {
		slots *= 2
	}
	index := make([]byte, slots*slotBytes)
	v := &Vocabulary{text: text, index: index, mask: uint64(slots - 1)}
	var id, at int
	for line := range bytes.Lines(text) {
		piece := line[:len(line)-1]
		if err := v.insert(piece, at, id); err != nil {
			return nil, fmt.Errorf("line %d: %w", id+1, err)
		}
		at += len(line)
		id++
	}
	return index, nil
}

func (v *Vocabulary) insert(piece []byte, at, id int) error {
	if len(piece) == 0 {
		return fmt.Errorf("empty piece: %w", ErrVocabulary)
	}
	h := hash(hashSeed, piece)
	if _, found := v.lookup(piece, h); found {
		return fmt.Errorf("piece %q repeats: %w", piece, ErrVocabulary)
	}
	i := fold(h) & v.mask
	for binary.LittleEndian.Uint64(v.index[i*slotBytes:]) != 0 {
		i = (i + 1) & v.mask
	}
	binary.LittleEndian.PutUint64(v.index[i*slotBytes:], uint64(at)<<32|uint64(id+1))
	return nil
}

var newline = []byte{'\n'}

func hash(h uint64, b []byte) uint64 {
	for _, c := range b {
		h = (h ^ uint64(c)) * hashPrime
	}
	return h
}

// fold mixes the upper bits of an FNV hash, which are the better ones, into the lower.
func fold(h uint64) uint64 { return h ^ h>>32 }

// longest returns the id and the length in bytes of the longest piece that is a prefix of
// word and longer than minLen bytes, or a length of 0.
func (v *Vocabulary) longest(word []byte, minLen int) (id int32, n int) {
	h := uint64(hashSeed)
	for i, c := range word[:min(len(word), v.limit)] {
		h = (h ^ uint64(c)) * hashPrime
		if i < minLen {
			continue
		}
		if found, ok := v.lookup(word[:i+1], h); ok {
			id, n = found, i+1
		}
	}
	return id, n
}
