package pickle

import "strings"

// pool has the containers of the last streamed object for the next one, whose state
// most often has as many.
type pool[T any] struct {
	all  []*T
	used int
}

// maxPooled limits a pool and each container in it: what a strange object needs must not
// be kept.
const maxPooled = 64

// next returns a container to be filled: for a streamed object one that may be in use
// until clear is called, else a new one.
func (p *pool[T]) next(streaming bool) *T {
	if !streaming || p.used == maxPooled {
		return new(T)
	}
	if p.used == len(p.all) {
		p.all = append(p.all, new(T))
	}
	p.used++
	return p.all[p.used-1]
}

// clear makes all containers free, which empty empties.
func (p *pool[T]) clear(empty func(*T)) {
	for _, c := range p.all[:p.used] {
		empty(c)
	}
	p.used = 0
}

func (d *Dict) empty() { *d = Dict{Entries: emptied(d.Entries)} }

func (s *Set) empty() { *s = Set{Items: emptied(s.Items)} }

// emptied returns s without items, and without memory where it has much.
func emptied[E any](s []E) []E {
	if cap(s) > maxPooled {
		return nil
	}
	clear(s)
	return s[:0]
}

// textBlock has the memory of short texts, of which there are so many that each must
// not be an allocation.
type textBlock struct{ b strings.Builder }

// textBlockSize is the size of a block, and eight times that of the longest text in it.
const textBlockSize = 32 << 10

// add returns b as a text.
func (t *textBlock) add(b []byte) string {
	if len(b) > textBlockSize/8 {
		return string(b)
	}
	if t.b.Cap()-t.b.Len() < len(b) {
		t.b = strings.Builder{}
		t.b.Grow(textBlockSize)
	}
	start := t.b.Len()
	t.b.Write(b)
	return t.b.String()[start:]
}
