package postings

import "slices"

const (
	// maxSpan is how many document numbers the segment of a Builder has at most:
	// as many as the bits of an entry beside its term.
	maxSpan = 1 << (64 - TermBits)
	// maxTokens is how many tokens a Builder collects before it is full, which
	// takes 8 bytes each, and as much again to sort them.
	maxTokens = 1 << 19
)

// Builder collects the terms of documents for a segment. The zero Builder is empty.
type Builder struct {
	first   uint32
	lengths []byte   // as of a page of lengths
	entries []uint64 // term, and number of the document less first in the lowest bits
	sorted  []uint64 // where they are sorted
}

// Empty reports whether the Builder has no document.
func (b *Builder) Empty() bool { return len(b.lengths) == 0 }

// Fits reports whether a document can be added before the next Flush.
func (b *Builder) Fits(document uint32) bool {
	return b.Empty() || len(b.entries) < maxTokens && document-b.first < maxSpan
}

// Add adds the terms of a document, which must fit and come after those before it.
func (b *Builder) Add(document uint32, terms func(yield func(term uint64) bool)) {
	if b.Empty() {
		b.first = document
	}
	offset := document - b.first
	before := len(b.entries)
	for term := range terms {
		b.entries = append(b.entries, term<<(64-TermBits)|uint64(offset))
	}
	for len(b.lengths) < int(offset) {
		b.lengths = append(b.lengths, 0)
	}
	b.lengths = append(b.lengths, LengthByte(len(b.entries)-before))
}

// Flush makes a segment of what was added, at least one document. Its pages are given
// to emit, which must not keep them. The Builder is empty then.
func (b *Builder) Flush(emit func(page []byte) error) (Segment, error) {
	w := newWriter(b.first, b.first+uint32(len(b.lengths))-1, emit)
	err := w.lengths(b.lengths)
	b.sort()
	for i := 0; i < len(b.entries) && err == nil; {
		entry, count := b.entries[i], uint32(0)
		for ; i < len(b.entries) && b.entries[i] == entry; i++ {
			count++
		}
		err = w.add(entry>>(64-TermBits), Posting{b.first + uint32(entry&(maxSpan-1)), count})
	}
	b.lengths, b.entries = b.lengths[:0], b.entries[:0]
	if err != nil {
		return w.segment, err
	}
	return w.end()
}

// radixBits is how many bits a pass of sort orders by.
const radixBits = 12

// sort orders the entries. Those of a term are in the order of their documents already,
// so it looks at the terms alone: twelve bits in each of four passes, the lowest first.
func (b *Builder) sort() {
	b.sorted = slices.Grow(b.sorted[:0], len(b.entries))[:len(b.entries)]
	for shift := 64 - TermBits; shift < 64; shift += radixBits {
		var next [1 << radixBits]int
		for _, entry := range b.entries {
			next[entry>>shift%(1<<radixBits)]++
		}
		sum := 0
		for i, n := range next {
			next[i], sum = sum, sum+n
		}
		for _, entry := range b.entries {
			bucket := &next[entry>>shift%(1<<radixBits)]
			b.sorted[*bucket] = entry
			*bucket++
		}
		b.entries, b.sorted = b.sorted, b.entries
	}
}
