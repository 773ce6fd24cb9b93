package words

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Asked is a query taken apart.
type Asked struct {
	Text      string     // what is asked for: the query without its marks and what it excludes
	Condition *Condition // nil: any text will do
}

// Condition says which texts may answer a query: those with all of its passages and
// with nothing that it excludes. An index of terms narrows texts down by Has and Lacks;
// where the condition is Literal those that are left have to be read.
type Condition struct {
	Has   []uint64 // terms that a text must have
	Lacks []uint64 // terms that it must not have

	with, without []string // passages, as literal gives them
}

// ErrOnlyExcludes says that a query excludes texts and asks for nothing.
var ErrOnlyExcludes = errors.New("the query only excludes words")

// Parse takes a query apart. A part between quotes, "..." or typographic ones, is a
// passage that must occur; with a dash before it, one that must not; a word with a
// dash before it excludes the texts that have it in any form which stemming joins.
// Two dashes, as of a flag, exclude nothing. A quote begins at the beginning of a word
// and ends at the end of one; others, and quotes without words, are taken literally.
func Parse(query string) (Asked, error) {
	var c Condition
	var asked []string
	var t Tokenizer
	for rest := strings.TrimSpace(query); rest != ""; rest = strings.TrimLeftFunc(rest, unicode.IsSpace) {
		inner, dash := strings.CutPrefix(rest, "-")
		if quoted, after, ok := cutQuoted(inner); ok && len(t.appendAsked(nil, quoted)) > 0 {
			if rest = after; dash {
				c.without = append(c.without, literal(quoted))
			} else {
				asked = append(asked, quoted)
				c.require(&t, quoted)
			}
			continue
		}
		end := strings.IndexFunc(rest, unicode.IsSpace)
		if end < 0 {
			end = len(rest)
		}
		word := rest[:end]
		rest = rest[end:]
		if first, _ := utf8.DecodeRuneInString(inner); dash && (isWordy(first) || isDense(first)) {
			c.exclude(&t, word[1:])
		} else {
			asked = append(asked, word)
		}
	}
	switch {
	case c.empty():
		return Asked{Text: query}, nil
	case len(asked) == 0:
		return Asked{}, ErrOnlyExcludes
	}
	return Asked{strings.Join(asked, " "), &c}, nil
}

// closing are the quotes that may end what begins with a quote, "" where r is none.
func closing(r rune) string {
	switch r {
	case '"':
		return `"`
	case '“', '”', '„':
		return `“”`
	case '«':
		return `»`
	}
	return ""
}

// cutQuoted cuts a quoted part from the beginning of s.
func cutQuoted(s string) (quoted, after string, ok bool) {
	open, size := utf8.DecodeRuneInString(s)
	for i := size; i < len(s); {
		next := strings.IndexAny(s[i:], closing(open))
		if next < 0 {
			break
		}
		quoted = s[size : i+next]
		_, width := utf8.DecodeRuneInString(s[i+next:])
		i += next + width
		if follows, _ := utf8.DecodeRuneInString(s[i:]); !isWordy(follows) {
			return quoted, s[i:], true
		}
	}
	return "", s, false
}

// require adds a passage that must occur.
func (c *Condition) require(t *Tokenizer, passage string) {
	c.with = append(c.with, literal(passage))
	if !strings.ContainsFunc(passage, spelled) {
		c.Has = append(c.Has, t.certain(strings.ToLower(fold(passage)))...)
	}
}

// spelled reports whether a character is of no word but folds to letters or digits, as ㎏ does, or is
// of a word but folds to what no word has, as ½ does, or folds to nothing, as a tone mark of Hangul.
// Texts that have it have other terms than those that have what it folds to, and a passage with it
// occurs in both.
func spelled(r rune) bool {
	if r < utf8.RuneSelf {
		return false
	}
	ofWord := func(r rune) bool { return isWordy(r) || isDense(r) }
	differs := func(folded rune) bool { return ofWord(folded) != ofWord(r) }
	folded := fold(string(r))
	return folded == "" || strings.ContainsFunc(folded, differs)
}

// exclude adds a word. One that has parts is a passage, and so is a lone character.
func (c *Condition) exclude(t *Tokenizer, word string) {
	tokens := t.appendAsked(nil, word)
	if len(tokens) == 1 && !lone(tokens[0]) {
		c.Lacks = append(c.Lacks, tokens[0].Term)
		return
	}
	from, to := len(word), 0
	for _, token := range tokens {
		from, to = min(from, token.Start), max(to, token.End)
	}
	if from < to {
		c.without = append(c.without, literal(word[from:to]))
	}
}

func (c *Condition) empty() bool { return len(c.Has)+len(c.Lacks) == 0 && !c.Literal() }

// Literal reports whether terms alone do not tell if a text may answer.
func (c *Condition) Literal() bool { return len(c.with)+len(c.without) > 0 }

// Holds reports whether a text may answer.
func (c *Condition) Holds(t *Tokenizer, text string) bool {
	folded := literal(text)
	occurs := func(passage string) bool { return occurs(folded, passage) }
	if slices.ContainsFunc(c.without, occurs) {
		return false
	}
	for _, passage := range c.with {
		if !occurs(passage) {
			return false
		}
	}
	terms := map[uint64]bool{}
	for _, token := range t.Append(nil, text) {
		terms[token.Term] = true
	}
	return !slices.ContainsFunc(c.Lacks, func(term uint64) bool { return terms[term] }) &&
		!slices.ContainsFunc(c.Has, func(term uint64) bool { return !terms[term] })
}

// literal is a text in the form in which passages are looked for: folded as words are
// but not stemmed, with a blank for each stretch of white space.
func literal(s string) string {
	if isASCII(s) {
		s = strings.ToLower(s)
	} else {
		s = caseless(fold(s))
	}
	return strings.Join(strings.Fields(s), " ")
}

// occurs reports whether a text has a passage that begins and ends where words may.
func occurs(text, passage string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], passage)
		if i < 0 {
			return false
		}
		i += from
		if (mayPart(text, i) || elided(text, i)) && mayPart(text, i+len(passage)) {
			return true
		}
		_, size := utf8.DecodeRuneInString(text[i:])
		from = i + size
	}
}

// mayPart reports whether a word may end or begin at byte i of a text: not between
// letters, digits and underscores, nor at an apostrophe between letters.
func mayPart(s string, i int) bool {
	before, size := utf8.DecodeLastRuneInString(s[:i])
	after, width := utf8.DecodeRuneInString(s[i:])
	switch {
	case before == '\'':
		before, _ = utf8.DecodeLastRuneInString(s[:i-size])
	case after == '\'':
		after, _ = utf8.DecodeRuneInString(s[i+width:])
	}
	return !isWordy(before) || !isWordy(after)
}

// elided reports whether what is before byte i of a text is elided, and a word begins there:
// only words that are ASCII on both sides of the apostrophe are taken apart at it.
func elided(s string, i int) bool {
	if i == 0 || s[i-1] != '\'' {
		return false
	}
	start, end := i-1, i
	for start > 0 && (isWordByte(s[start-1]) || s[start-1] == '\'') {
		start--
	}
	for end < len(s) && isWordByte(s[end]) {
		end++
	}
	before, _ := utf8.DecodeLastRuneInString(s[:start])
	after, _ := utf8.DecodeRuneInString(s[end:])
	return end-i >= minAfter && !isWordy(before) && !isWordy(after)
}

// isWordy reports whether a character is of a word of a script with spaces.
func isWordy(r rune) bool {
	return r != utf8.RuneError && !isDense(r) && (r == '_' || unicode.In(r, unicode.L, unicode.M, unicode.N))
}

// lone reports whether a token is one character of a dense script: the terms that a text has
// of it depend on what is around it.
func lone(k Token) bool { return Last(k.Term) != k.Term }

// certain are terms of every text in which a passage, in small letters, occurs. What a
// run has as a whole depends on what is around the passage, and so do the parts of its
// words and the terms of a single character.
func (t *Tokenizer) certain(passage string) (terms []uint64) {
	last := Token{Start: -1, End: -1}
	for _, token := range t.appendAsked(nil, passage) {
		text := passage[token.Start:token.End]
		within := token.Start >= last.Start && token.End <= last.End
		around := token.Start < last.Start || token.Start == last.Start && token.End >= last.End // a run follows its parts
		marked := strings.ContainsFunc(text, func(r rune) bool { return !isWordy(r) && !isDense(r) && r != '\'' })
		if within || around || marked || lone(token) {
			continue
		}
		terms, last = append(terms, token.Term), token
	}
	return terms
}
