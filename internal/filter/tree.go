package filter

// node is a part of a filter that can be evaluated.
type node interface {
	match(object map[string]any) bool
}

// all holds where each of its nodes does.
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

// merged makes one leaf of those on the same key, so that two ends of a range are
// looked for at once.
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
