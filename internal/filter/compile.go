package filter

import (
	"regexp"
	"strings"

	"sheaf/internal/glob"
)

// compiler is the Visitor that makes a filter something to evaluate.
type compiler struct{}

// All makes one list of nested ones.
func (compiler) All(parts []node) node {
	var flat all
	for _, part := range parts {
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

func (compiler) Not(part node) node { return not{part} }

func (compiler) Equal(key string, x any) node { return leaf{key, equals(x), equalTo(x)} }

func (compiler) Compare(key, operator string, x any, isNumeric bool) node {
	spans := above(x)
	if operator == "$lt" || operator == "$lte" {
		spans = below(x)
	}
	test := ordered(operator, x)
	if !isNumeric {
		return leaf{key, test, spans}
	}
	loose := func(v any, present bool) bool { return test(numeric(v), present) }
	return leaf{key, loose, append(spans, texts)}
}

func (compiler) In(key string, container any) node {
	return leaf{key, in(indexed(container)), within(container)}
}

func (compiler) NotIn(key string, container any) node {
	return leaf{key, notIn(indexed(container)), []span{everything}}
}

func (compiler) Contains(key string, x any) node {
	return leaf{key, containing(x), []span{texts, lists, objects}}
}

func (compiler) Exists(key string, want bool) node {
	return leaf{key, func(_ any, present bool) bool { return present == want }, []span{everything}}
}

// Glob: * and ? stop at a slash, ** does not.
func (compiler) Glob(key, pattern string) node {
	return leaf{key, func(v any, _ bool) bool {
		s, ok := v.(string)
		return ok && glob.Match(pattern, s)
	}, startingWith(literalPrefix(pattern))}
}

func (compiler) Regex(key string, re *regexp.Regexp) node {
	return leaf{key, func(v any, _ bool) bool {
		s, ok := v.(string)
		return ok && re.MatchString(s)
	}, []span{texts}}
}

func equals(x any) test {
	return func(v any, _ bool) bool { return equal(v, x) }
}

// ordered compares by $gt, $gte, $lt or $lte; without an order it is false.
func ordered(operator string, x any) test {
	return func(v any, _ bool) bool {
		order, ok := compare(v, x)
		return ok && inOrder(operator, order)
	}
}

func inOrder(operator string, order int) bool {
	switch operator {
	case "$gt":
		return order > 0
	case "$gte":
		return order >= 0
	case "$lt":
		return order < 0
	}
	return order <= 0
}

// in tests for one of a list's entries, a part of a string, a key of an object.
func in(container any) test {
	return func(v any, _ bool) bool {
		found, _ := contains(container, v)
		return found
	}
}

// notIn is not the negation of in: both are false of a value that cannot be
// looked for in the container. In a list all can.
func notIn(container any) test {
	return func(v any, _ bool) bool {
		found, ok := contains(container, v)
		return ok && !found
	}
}

// containing is in the other way round.
func containing(x any) test {
	return func(v any, _ bool) bool {
		found, _ := contains(v, x)
		return found
	}
}

// literalPrefix is what every match of a glob begins with. A slash at its end
// is none of it: "docs/**" matches "docs".
func literalPrefix(pattern string) string {
	if i := strings.IndexAny(pattern, `*?[{\`); i >= 0 {
		pattern = pattern[:i]
	}
	return strings.TrimRight(pattern, "/")
}
