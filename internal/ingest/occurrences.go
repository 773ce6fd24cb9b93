package ingest

import (
	"crypto/sha256"
	"encoding/binary"
)

// occurrences counts how often content came before, in memory that does not grow
// with content that came once. In a source with very many documents, once in many
// millions, new content may get the count 1 instead of 0, in the same place of each
// run.
type occurrences struct {
	first map[uint64]struct{} // the first content, at most exactOccurrences of it
	bits  []uint64            // a Bloom filter of the content after that
	more  map[uint64]int      // how often content was repeated
}

const (
	exactOccurrences = 1 << 16
	bloomBits        = 27 // of a position: 16 MiB
	bloomPositions   = 6
)

type contentHash [sha256.Size]byte

func (h *contentHash) key() uint64 { return binary.LittleEndian.Uint64(h[24:]) }

// count returns how often content came before, and counts it.
func (o *occurrences) count(content []byte) int {
	h := contentHash(sha256.Sum256(content))
	if o.met(&h) {
		if o.more == nil {
			o.more = map[uint64]int{}
		}
		o.more[h.key()]++
		return o.more[h.key()]
	}
	return 0
}

// met adds a hash and reports whether it was added before.
func (o *occurrences) met(h *contentHash) bool {
	_, first := o.first[h.key()]
	if o.bits != nil {
		return o.mark(h) || first
	}
	if o.first == nil {
		o.first = map[uint64]struct{}{}
	}
	o.first[h.key()] = struct{}{}
	if len(o.first) >= exactOccurrences {
		o.bits = make([]uint64, 1<<bloomBits/64)
	}
	return first
}

// mark sets the bits of a hash and reports whether all of them were set.
func (o *occurrences) mark(h *contentHash) bool {
	met := true
	for i := range bloomPositions {
		at := binary.LittleEndian.Uint32(h[4*i:]) >> (32 - bloomBits)
		bit := uint64(1) << (at % 64)
		met = met && o.bits[at/64]&bit != 0
		o.bits[at/64] |= bit
	}
	return met
}
