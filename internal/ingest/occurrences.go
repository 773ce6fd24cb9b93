package ingest

import (
	"encoding/binary"

	"github.com/google/uuid"
)

// occurrences counts how often content came before, by a hash of it, in memory that
// does not grow with content that came once. In a source with very many documents, once in many
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

// count returns how often the content with a hash came before, and counts it.
func (o *occurrences) count(hash uuid.UUID) int {
	key := binary.LittleEndian.Uint64(hash[:])
	if o.met(key, &hash) {
		if o.more == nil {
			o.more = map[uint64]int{}
		}
		o.more[key]++
		return o.more[key]
	}
	return 0
}

// met adds a hash and reports whether it was added before.
func (o *occurrences) met(key uint64, hash *uuid.UUID) bool {
	_, first := o.first[key]
	if o.bits != nil {
		return o.mark(hash) || first
	}
	if o.first == nil {
		o.first = map[uint64]struct{}{}
	}
	o.first[key] = struct{}{}
	if len(o.first) >= exactOccurrences {
		o.bits = make([]uint64, 1<<bloomBits/64)
	}
	return first
}

// mark sets the bits of a hash and reports whether all of them were set. Their
// positions are an arithmetic progression (Kirsch and Mitzenmacher, 2006) of numbers
// that hold neither version nor variant of a UUID.
func (o *occurrences) mark(hash *uuid.UUID) bool {
	first, step := binary.LittleEndian.Uint32(hash[:]), binary.LittleEndian.Uint32(hash[12:])|1
	met := true
	for i := range uint32(bloomPositions) {
		at := (first + i*step) >> (32 - bloomBits)
		bit := uint64(1) << (at % 64)
		met = met && o.bits[at/64]&bit != 0
		o.bits[at/64] |= bit
	}
	return met
}
