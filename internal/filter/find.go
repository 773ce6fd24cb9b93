package filter

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"
)

// Index holds metadata objects, each under a number, and the values of their
// top-level keys.
type Index interface {
	// Values calls yield for every value of a key from low to below high, in
	// the order numbers, strings, JSON: numbers are int64 (booleans: 0 and 1)
	// or float64, and what is none of these is the []byte of its JSON. It ends
	// with yield's error.
	Values(key string, low, high any, yield func(meta uint32, value any) error) error
	// Object returns a metadata object.
	Object(meta uint32) (json.RawMessage, error)
}

// Set is a set of metadata objects: those of Metas or, where All is set, all
// but those.
type Set struct {
	Metas *roaring.Bitmap
	All   bool
}

// ErrLimit says that finding what matches would take more work than allowed.
var ErrLimit = errors.New("too many metadata values to look at")

// The work of finding is counted in values looked at.
const (
	// ObjectCost is how many values can be looked at while one object is read and matched.
	ObjectCost = 32
	// firstBudget is what each part of a filter may cost at first, and budgetGrowth
	// by how much that grows while no part has come to its end.
	firstBudget  = 1024
	budgetGrowth = 16
)

// Find returns the objects of an index that the filter matches: exactly those
// for which Match is true. It gives up with ErrLimit once any part of the
// filter would look at more than limit values.
func (f *Filter) Find(index Index, limit int) (Set, error) {
	if f == nil {
		return Set{roaring.New(), true}, nil
	}
	return finder{index}.find(f.root, limit)
}

type finder struct{ index Index }

func (f finder) find(n node, limit int) (Set, error) {
	switch n := n.(type) {
	case all:
		return f.all(n, limit)
	case not:
		s, err := f.find(n.node, limit)
		s.All = !s.All
		return s, err
	case leaf:
		return f.leaf(n, limit)
	case constant:
		return Set{roaring.New(), bool(n)}, nil
	}
	return Set{}, fmt.Errorf("unknown node %T", n)
}

// all looks for the nodes in turns, with a growing budget, so that the node
// with the fewest values ends first, whichever it is. Once that has left so few
// objects that the next turn could cost more, they are matched one by one.
func (f finder) all(nodes all, limit int) (Set, error) {
	found := Set{roaring.New(), true}
	for budget := min(firstBudget, limit); ; {
		var left all
		for _, n := range nodes {
			s, err := f.find(n, budget)
			switch {
			case errors.Is(err, ErrLimit):
				left = append(left, n)
			case err != nil:
				return Set{}, err
			default:
				found = found.and(s)
			}
		}
		next := grow(budget, limit)
		switch nodes = left; {
		case len(nodes) == 0:
			return found, nil
		case !found.All && found.Metas.GetCardinality() <= uint64(next/ObjectCost):
			return f.match(nodes, found)
		case budget == limit:
			return Set{}, ErrLimit
		}
		budget = next
	}
}

func grow(budget, limit int) int {
	if budget > limit/budgetGrowth {
		return limit
	}
	return budget * budgetGrowth
}

// and returns what is in both sets. It may change s.
func (s Set) and(t Set) Set {
	switch {
	case s.All && t.All:
		s.Metas.Or(t.Metas)
		return s
	case s.All:
		return Set{Metas: roaring.AndNot(t.Metas, s.Metas)}
	case t.All:
		s.Metas.AndNot(t.Metas)
	default:
		s.Metas.And(t.Metas)
	}
	return s
}

// match keeps those of a set for which all nodes hold.
func (f finder) match(nodes all, s Set) (Set, error) {
	kept := roaring.New()
	for it := s.Metas.Iterator(); it.HasNext(); {
		meta := it.Next()
		raw, err := f.index.Object(meta)
		if err != nil {
			return Set{}, err
		}
		object, err := decodeObject(raw)
		if err != nil {
			return Set{}, err
		}
		if nodes.match(object) {
			kept.Add(meta)
		}
	}
	return Set{Metas: kept}, nil
}

// leaf collects the objects that answer otherwise than one without the key.
func (f finder) leaf(l leaf, limit int) (Set, error) {
	s := &scan{leaf: l, absent: l.test(nil, false), others: roaring.New(), inside: roaring.New(), left: limit}
	for i := range l.key {
		if l.key[i] != '.' {
			continue
		}
		if err := f.index.Values(l.key[:i], objects.low, objects.high, s.path(l.key[i+1:])); err != nil {
			return Set{}, err
		}
	}
	spans := l.spans
	if s.absent || !s.inside.IsEmpty() {
		spans = []span{everything}
	}
	for _, span := range spans {
		if err := f.index.Values(l.key, span.low, span.high, s.value); err != nil {
			return Set{}, err
		}
	}
	return Set{s.others, s.absent}, nil
}

// scan goes through the values that decide a leaf.
type scan struct {
	leaf
	absent bool            // what the test says of objects without the key
	others *roaring.Bitmap // objects of which it says the opposite
	inside *roaring.Bitmap // objects that have the key as a path
	left   int             // how many values may still be looked at
}

// value decides by a value of the key itself, which outranks one that a path
// led to.
func (s *scan) value(meta uint32, value any) (err error) {
	if s.left--; s.left < 0 {
		return ErrLimit
	}
	if raw, ok := value.([]byte); ok {
		if value, err = decode(raw); err != nil {
			return err
		}
	}
	if s.test(value, true) != s.absent {
		s.others.Add(meta)
	} else {
		s.others.Remove(meta)
	}
	return nil
}

// path decides by what the rest of the key leads to in nested objects; the
// first that it leads to a value in counts.
func (s *scan) path(rest string) func(meta uint32, value any) error {
	return func(meta uint32, value any) error {
		if s.left--; s.left < 0 {
			return ErrLimit
		}
		raw, _ := value.([]byte)
		object, err := decodeObject(raw)
		if err != nil {
			return err
		}
		v, present := lookup(object, rest)
		if !present || !s.inside.CheckedAdd(meta) {
			return nil
		}
		if s.test(v, true) != s.absent {
			s.others.Add(meta)
		}
		return nil
	}
}
