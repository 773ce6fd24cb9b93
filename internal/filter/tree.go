package filter

// node is a part of a filter.
type node interface {
	match(object map[string]any) bool
}

// all holds where each of its nodes does. There is no node for "one of": it is
// what remains where none of them holds.
type all []node

func (a all) match(object map[string]any) bool {
	for _, n := range a {
		if !n.match(object) {
			return false
		}
	}
	return true
}

// not holds where its node does not.
type not struct{ node }

func (n not) match(object map[string]any) bool { return !n.node.match(object) }

func oneOf(nodes all) node {
	var none all
	for _, n := range nodes {
		none = append(none, not{n})
	}
	return not{none}
}

// simplify makes one list of nested ones and one leaf of those on the same key,
// so that two ends of a range are looked for at once.
func simplify(n node) node {
	switch n := n.(type) {
	case not:
		return not{simplify(n.node)}
	case all:
		var flat all
		for _, part := range n {
			part = simplify(part)
			if inner, ok := part.(all); ok {
				flat = append(flat, inner...)
			} else {
				flat = append(flat, part)
			}
		}
		if flat = flat.merged(); len(flat) == 1 {
			return flat[0]
		}
		return flat
	}
	return n
}

func (a all) merged() (nodes all) {
	place := map[string]int{}
	for _, n := range a {
		l, ok := n.(leaf)
		if !ok {
			nodes = append(nodes, n)
			continue
		}
		if i, ok := place[l.key]; ok {
			nodes[i] = nodes[i].(leaf).and(l)
			continue
		}
		place[l.key] = len(nodes)
		nodes = append(nodes, l)
	}
	return nodes
}

// leaf is a test of the value of one key.
type leaf struct {
	key   string
	test  test
	spans []span // where the values are for which test is true
}

func (l leaf) and(m leaf) leaf {
	both := func(v any, present bool) bool { return l.test(v, present) && m.test(v, present) }
	return leaf{l.key, both, intersect(l.spans, m.spans)}
}

// test is a condition on a value: nil, a bool, a string, a number (see the
// function of that name), []any or map[string]any. A value that is not present
// is nil.
type test func(v any, present bool) bool

func (l leaf) match(object map[string]any) bool { return l.test(lookup(object, l.key)) }

// lookup returns the value of a key. A key with dots that the object itself
// does not have is a path into nested objects.
func lookup(object map[string]any, key string) (v any, present bool) {
	if v, ok := object[key]; ok {
		return v, true
	}
	for i := range len(key) {
		if key[i] != '.' {
			continue
		}
		if inner, ok := object[key[:i]].(map[string]any); ok {
			if v, ok := lookup(inner, key[i+1:]); ok {
				return v, true
			}
		}
	}
	return nil, false
}
