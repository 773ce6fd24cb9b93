package unigram

import (
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A trie is a double array in the layout of darts-clone, which is what SentencePiece stores:
// little-endian units of 32 bits. The child for the byte c of the node at position p is the unit at
// base ^ c, base = p ^ offset, if its label is c. A key that ends at a node has its value in the
// node's child for the byte 0. See https://github.com/s-yata/darts-clone, darts.h, class DoubleArrayUnit.
//
// A lookup is total: a position behind the end holds a unit that matches nothing, and each step
// takes a byte of the text, so that an array of a stranger's making costs a wrong answer at most.
type trie string

const (
	unitBytes  = 4
	valueBit   = 1 << 31 // the unit is a value; it never equals a label
	keyEndsBit = 1 << 8  // a key ends at this node
	labelMask  = valueBit | 0xff
	maxOffset  = 1 << 21 // of the units that buildTrie writes; the layout has a longer form
)

func (t trie) unit(at uint32) uint32 {
	i := int(at) * unitBytes
	if i+3 >= len(t) {
		return valueBit
	}
	return uint32(t[i]) | uint32(t[i+1])<<8 | uint32(t[i+2])<<16 | uint32(t[i+3])<<24
}

// word returns the number in the first four bytes of s.
func word(s string) uint32 {
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

// root is the base of the children of the first node.
func (t trie) root() uint32 { return offset(t.unit(0)) }

// offset returns the offset to the children of the node with the given unit.
func offset(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }

// ends reports whether a key ends at the node with the given unit.
func ends(unit uint32) bool { return unit&keyEndsBit != 0 }

// value returns the value of the key that ends at a node, given the base of the node's children.
func (t trie) value(base uint32) uint32 { return t.unit(base) &^ valueBit }

// longest returns the value and the length in bytes of the longest key that text begins with, or
// a length of 0.
func (t trie) longest(text string) (value uint32, length int) { return t.prefix(text, len(text)) }

// shortest is longest for the shortest key.
func (t trie) shortest(text string) (value uint32, length int) { return t.prefix(text, 1) }

// prefix returns the value and the length of the first key that text begins with, the shorter first,
// that has so many bytes, or else of the longest.
func (t trie) prefix(text string, enough int) (value uint32, length int) {
	base := t.root()
	for i := range len(text) {
		at := base ^ uint32(text[i])
		unit := t.unit(at)
		if unit&labelMask != uint32(text[i]) {
			break
		}
		if base = at ^ offset(unit); ends(unit) {
			if value, length = t.value(base), i+1; length >= enough {
				break
			}
		}
	}
	return value, length
}

var errTrieSize = errors.New("too many pieces")

// buildTrie returns a trie of the pieces, each with its index as value. Empty ones are left out.
func buildTrie(pieces []string) (trie, error) {
	b := trieBuilder{keys: make([]int, 0, len(pieces)), pieces: pieces}
	for i, piece := range pieces {
		if piece != "" {
			b.keys = append(b.keys, i)
		}
	}
	slices.SortFunc(b.keys, func(i, j int) int { return strings.Compare(pieces[i], pieces[j]) })
	for i := 1; i < len(b.keys); i++ {
		if pieces[b.keys[i-1]] == pieces[b.keys[i]] {
			return "", fmt.Errorf("piece %q repeats", pieces[b.keys[i]])
		}
	}
	return b.build()
}

type trieBuilder struct {
	pieces []string
	keys   []int // indexes of pieces, in the order of their bytes
	units  []uint32
	taken  []bool // units in use
	based  []bool // positions that are p ^ offset of a node; no two nodes share one
	free   int    // where to look for free units
}

// branch is a node whose children are to be placed: the keys from lo to hi share depth bytes.
type branch struct {
	at            uint32
	lo, hi, depth int
	first         int // smallest index of a piece among the keys
}

// branches is a heap: the branch with the first piece is placed next. Models list frequent pieces
// first, so nodes that are often visited lie together, in few lines of the processor's cache.
type branches []branch

func (b branches) Len() int           { return len(b) }
func (b branches) Less(i, j int) bool { return b[i].first < b[j].first }
func (b branches) Swap(i, j int)      { b[i], b[j] = b[j], b[i] }
func (b *branches) Push(x any)        { *b = append(*b, x.(branch)) }
func (b *branches) Pop() any {
	last := len(*b) - 1
	x := (*b)[last]
	*b = (*b)[:last]
	return x
}

func (b *trieBuilder) build() (trie, error) {
	b.grow(1)
	b.taken[0] = true
	b.units[0] = 0
	todo := &branches{{hi: len(b.keys)}}
	for todo.Len() > 0 {
		n := heap.Pop(todo).(branch)
		children := b.children(n)
		base := b.place(children)
		if base >= maxOffset {
			return "", errTrieSize
		}
		b.units[n.at] |= (n.at ^ base) << 10
		for _, c := range slices.Backward(children) {
			at := base ^ uint32(c.label)
			if c.label == 0 {
				b.units[n.at] |= keyEndsBit
				b.units[at] = valueBit | uint32(b.keys[c.lo])
				continue
			}
			b.units[at] = uint32(c.label)
			heap.Push(todo, branch{at, c.lo, c.hi, n.depth + 1, c.first})
		}
	}
	t := make([]byte, 0, len(b.units)*unitBytes)
	for _, unit := range b.units {
		t = binary.LittleEndian.AppendUint32(t, unit)
	}
	return trie(t), nil
}

// child is the part of a branch's keys that goes on with a label; 0: the key that ends there.
type child struct {
	label  byte
	lo, hi int
	first  int // smallest index of a piece among the keys
}

func (b *trieBuilder) children(n branch) (all []child) {
	for i := n.lo; i < n.hi; i++ {
		label := byte(0)
		if key := b.pieces[b.keys[i]]; len(key) > n.depth {
			label = key[n.depth]
		}
		if last := len(all) - 1; last >= 0 && all[last].label == label {
			all[last].hi, all[last].first = i+1, min(all[last].first, b.keys[i])
		} else {
			all = append(all, child{label, i, i + 1, b.keys[i]})
		}
	}
	return all
}

// place returns a base at which the children of a node find free units, and takes these.
func (b *trieBuilder) place(children []child) uint32 {
	if len(children) == 0 {
		return 0
	}
	const window = 1024 // units at the end among which free ones are looked for
	b.free = max(b.free, len(b.units)-window)
	for b.free < len(b.units) && b.taken[b.free] {
		b.free++
	}
	for at := b.free; ; at++ {
		b.grow(at + 1)
		if b.taken[at] {
			continue
		}
		if base := uint32(at) ^ uint32(children[0].label); b.fits(base, children) {
			b.based[base] = true
			for _, c := range children {
				b.taken[base^uint32(c.label)] = true
			}
			return base
		}
	}
}

func (b *trieBuilder) fits(base uint32, children []child) bool {
	b.grow(int(base | 0xff))
	if b.based[base] {
		return false
	}
	for _, c := range children {
		if b.taken[base^uint32(c.label)] {
			return false
		}
	}
	return true
}

// grow makes room for size units, in blocks of 256. Free ones match nothing.
func (b *trieBuilder) grow(size int) {
	for len(b.units) < size {
		b.units = append(b.units, slices.Repeat([]uint32{valueBit}, 256)...)
		b.taken = append(b.taken, make([]bool, 256)...)
		b.based = append(b.based, make([]bool, 256)...)
	}
}
