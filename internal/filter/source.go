package filter

import "github.com/RoaringBitmap/roaring/v2"

// SourceKey is the key by which a filter asks for a document's source: the name
// that the store shows, whatever the metadata says. [Filter.Match] and
// [Filter.Find] see metadata alone; [Filter.Of] and [Filter.BySource] come first.
const SourceKey = "source"

// AsksSource reports whether a filter has a condition on sources.
func (f *Filter) AsksSource() bool { return f != nil && len(f.sources) > 0 }

// Of returns what a filter asks of the metadata of a source's documents.
func (f *Filter) Of(source string) *Filter {
	if !f.AsksSource() {
		return f
	}
	return f.resolved(func(l leaf) bool { return l.test(source, true) })
}

// Part is what a filter asks of the metadata of some sources' documents.
type Part struct {
	*Filter
	Sources *roaring.Bitmap // their numbers
}

// BySource divides a filter into parts for some sources and the filter for all
// others. names calls yield for the sources whose names are from low to below
// high, as [Index] does. It gives up with ErrLimit after limit of them.
func (f *Filter) BySource(names func(low, high any, yield func(source uint32, name string) error) error, limit int) (parts []Part, others *Filter, err error) {
	if !f.AsksSource() {
		return nil, f, nil
	}
	byVerdict := map[string]int{}
	part := func(source uint32, name string) error {
		if limit--; limit < 0 {
			return ErrLimit
		}
		verdict, holds := make([]byte, len(f.sources)), false
		for i, l := range f.sources {
			if l.test(name, true) {
				verdict[i], holds = 1, true
			}
		}
		if !holds {
			return nil // as of sources in no span
		}
		i, ok := byVerdict[string(verdict)]
		if !ok {
			i = len(parts)
			byVerdict[string(verdict)] = i
			parts = append(parts, Part{f.Of(name), roaring.New()})
		}
		parts[i].Sources.Add(source)
		return nil
	}
	for _, l := range f.sources {
		for _, span := range l.spans {
			if err := names(span.low, span.high, part); err != nil {
				return nil, nil, err
			}
		}
	}
	return parts, f.resolved(func(leaf) bool { return false }), nil
}

// resolved returns the filter with constants for its conditions on sources.
func (f *Filter) resolved(holds func(leaf) bool) *Filter {
	return &Filter{expr: f.expr, root: resolve(f.root, holds)}
}

func resolve(n node, holds func(leaf) bool) node {
	switch n := n.(type) {
	case leaf:
		if n.key == SourceKey {
			return constant(holds(n))
		}
	case not:
		inner := resolve(n.node, holds)
		if c, ok := inner.(constant); ok {
			return !c
		}
		return not{inner}
	case all:
		var rest all
		for _, part := range n {
			switch part := resolve(part, holds).(type) {
			case constant:
				if !part {
					return part
				}
			default:
				rest = append(rest, part)
			}
		}
		if len(rest) == 0 {
			return constant(true)
		}
		return rest
	}
	return n
}

// onSources returns the leaves about sources.
func onSources(n node) (leaves []leaf) {
	switch n := n.(type) {
	case leaf:
		if n.key == SourceKey {
			leaves = append(leaves, n)
		}
	case not:
		leaves = onSources(n.node)
	case all:
		for _, part := range n {
			leaves = append(leaves, onSources(part)...)
		}
	}
	return leaves
}

// constant holds always or never.
type constant bool

func (c constant) match(map[string]any) bool { return bool(c) }
