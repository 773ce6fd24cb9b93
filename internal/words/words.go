// Package words turns text into the terms by which documents are found by their
// words. A text and a query go through the same rules, so what looks alike meets.
//
// Text is cut at white space and at punctuation that joins nothing. What is left are
// runs, such as "state-of-the-art", "/etc/hosts" or "--dry-run". A run has words, as
// UAX 29 finds them; a word may be an identifier with parts, such as "parseHTTPHeader".
// Terms are
//
//   - each word of letters, as the stem that the Snowball stemmer for English gives, without
//     an article or the like that is elided before it, as in "l'eau";
//   - each word with digits, underscores or capitals inside as it is, and its parts;
//   - each run of more than one word, or with a mark such as "--" before it, as it is;
//   - of Han, Hiragana, Katakana, Hangul and Thai, which put no space between words, each
//     two characters that follow each other, and the last one. A single character of a
//     query stands for all of them that begin with it, see Last.
//
// All are folded first: compatibility forms (NFKC), case, diacritics. Nothing is left
// out for being frequent: what weighs terms does that.
package words

import "unicode/utf8"

// Version grows with every change by which a text gets other terms.
const Version = 2

// Token is a term of a text and the place it came from.
type Token struct {
	Term       uint64 // of TermBits bits
	Start, End int    // bytes of the text
}

// TermBits is the width of a term. Two of a million terms are taken for one with a
// probability of 1 in 280, a given one for any other of them with 1 in 10^8.
const TermBits = 48

// Tokenizer finds the terms of texts. It is not safe for concurrent use.
type Tokenizer struct {
	stemmer stemmer
	asked   bool    // the text is that of a query
	tokens  []Token // those of the text so far
	lower   []byte  // the word that is looked at, in lower case
}

// Append appends the tokens of text and returns the longer slice. Those of a word
// follow each other. Text that is ASCII costs no allocation, except for the stems of
// words that were not seen lately.
func (t *Tokenizer) Append(tokens []Token, text string) []Token {
	t.tokens = tokens
	for i := 0; i < len(text); {
		if class[text[i]] == gap {
			i++
			continue
		}
		start, seen := i, uint8(0)
		for i < len(text) && class[text[i]] != gap {
			seen |= class[text[i]]
			i++
		}
		if seen&wide == 0 {
			t.run(text[start:i], place{start: start})
		} else {
			t.wideRun(text[start:i], start)
		}
	}
	tokens, t.tokens = t.tokens, nil
	return tokens
}

// appendAsked does the same for a query.
func (t *Tokenizer) appendAsked(tokens []Token, text string) []Token {
	t.asked = true
	defer func() { t.asked = false }()
	return t.Append(tokens, text)
}

// The classes of bytes. A set of them is their sum.
const (
	gap        uint8 = 0
	letter     uint8 = 1 << 0
	digit      uint8 = 1 << 1
	underscore uint8 = 1 << 2
	apostrophe uint8 = 1 << 3 // within a word, between letters
	joiner     uint8 = 1 << 4 // between the words of a run
	wide       uint8 = 1 << 5 // of a character that is not ASCII
)

// joiners are the characters that hold the words of a run together.
const joiners = `-./:@\+#`

var class = func() (class [256]uint8) {
	for c := range class {
		switch c := byte(c); {
		case c >= utf8.RuneSelf:
			class[c] = wide
		case isUpper(c), c >= 'a' && c <= 'z':
			class[c] = letter
		case c >= '0' && c <= '9':
			class[c] = digit
		}
	}
	class['_'] = underscore
	class['\''] = apostrophe
	for _, c := range []byte(joiners) {
		class[c] = joiner
	}
	return class
}()

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }

func isWordByte(c byte) bool { return class[c]&(letter|digit|underscore) != 0 }

// place says where the bytes of a string stand in the text: from start on, one by one,
// or, where the string was folded, all of them from start to end.
type place struct{ start, end int }

func (t *Tokenizer) emit(hash uint64, from, to int, at place) { t.add(term(hash), from, to, at) }

// add adds a token of a term.
func (t *Tokenizer) add(term uint64, from, to int, at place) {
	token := Token{Term: term, Start: at.start, End: at.end}
	if at.end == 0 {
		token.Start, token.End = at.start+from, at.start+to
	}
	t.tokens = append(t.tokens, token)
}

// run adds the tokens of a run of ASCII.
func (t *Tokenizer) run(s string, at place) {
	words, first, last := 0, 0, 0
	for i := 0; i < len(s); {
		if !isWordByte(s[i]) {
			i++
			continue
		}
		start, after := i, i
		for i < len(s) && (isWordByte(s[i]) || betweenLetters(s, i)) {
			if i++; class[s[i-1]] == apostrophe {
				after = i
			} else if i-after == minAfter {
				start = after
			}
		}
		if !t.word(s[start:i], start, at) {
			continue
		}
		if words++; words == 1 {
			first = start
		}
		last = i
	}
	if words == 0 {
		return
	}
	from, to := outline(s, first, last)
	if words > 1 || from < first || to > last {
		t.whole(s[from:to], from, at)
	}
}

// minAfter is how many characters follow an apostrophe, at least, where what is before it is
// no part of the word: the article of l'eau, but not the it of it's.
const minAfter = 3

// betweenLetters reports whether the byte at i is an apostrophe within a word.
func betweenLetters(s string, i int) bool {
	return s[i] == '\'' && i > 0 && class[s[i-1]] == letter && i+1 < len(s) && class[s[i+1]] == letter
}

// outline widens the bytes from the first word to the last of a run to those that
// belong to it as a whole: marks before it, as of a flag, a path, a hidden file, and
// behind it, as of C++ and C#.
func outline(s string, first, last int) (from, to int) {
	for from = first; from > 0 && (s[from-1] == '-' || s[from-1] == '/' || s[from-1] == '.' || s[from-1] == '#' || s[from-1] == '@'); {
		from--
	}
	for to = last; to < len(s) && (s[to] == '+' || s[to] == '#'); {
		to++
	}
	return from, to
}

// whole adds a string as it is, but for case.
func (t *Tokenizer) whole(s string, from int, at place) {
	hash := hashSeed
	for i := range len(s) {
		hash = hashByte(hash, lower(s[i]))
	}
	t.emit(hash, from, from+len(s), at)
}

// word adds the tokens of a word of ASCII, and reports whether it has any.
func (t *Tokenizer) word(s string, from int, at place) bool {
	hash, seen, upper := hashSeed, uint8(0), 0
	for i := range len(s) {
		c := s[i]
		seen |= class[c]
		if isUpper(c) {
			upper++
		}
		hash = hashByte(hash, lower(c))
	}
	letters := seen&(digit|underscore) == 0
	switch {
	case seen&(letter|digit) == 0: // a line of underscores
		return false
	case letters && (upper == 0 || upper == len(s) || upper == 1 && isUpper(s[0])):
		t.emit(t.stem(hash, s), from, from+len(s), at)
		return true
	}
	t.emit(hash, from, from+len(s), at)
	if letters {
		if stem := t.stem(hash, s); stem != hash {
			t.emit(stem, from, from+len(s), at)
		}
	}
	t.parts(s, from, at)
	return true
}

// parts adds the parts of an identifier, if it has more than one: they end at
// underscores, before a capital behind a small letter or a digit, and before the last
// of several capitals where a small letter follows, except the s of a plural.
func (t *Tokenizer) parts(s string, from int, at place) {
	start := 0
	for i := 1; i <= len(s); i++ {
		if i < len(s) && !partEnds(s, i) {
			continue
		}
		part := s[start:i]
		for part != "" && part[0] == '_' {
			part = part[1:]
			start++
		}
		if part != "" && len(part) < len(s) {
			t.part(part, from+start, at)
		}
		start = i
	}
}

func partEnds(s string, i int) bool {
	switch before, c := s[i-1], s[i]; {
	case c == '_':
		return true
	case !isUpper(c) || class[before]&(letter|digit) == 0:
		return false
	case !isUpper(before):
		return true
	default:
		return i+1 < len(s) && class[s[i+1]] == letter && !isUpper(s[i+1]) && (s[i+1] != 's' || i+2 < len(s))
	}
}

// part adds a part of an identifier.
func (t *Tokenizer) part(s string, from int, at place) {
	hash, letters := hashSeed, true
	for i := range len(s) {
		letters = letters && class[s[i]]&digit == 0
		hash = hashByte(hash, lower(s[i]))
	}
	if letters {
		hash = t.stem(hash, s)
	}
	t.emit(hash, from, from+len(s), at)
}

func lower(c byte) byte {
	if isUpper(c) {
		return c + 'a' - 'A'
	}
	return c
}

// The hash of terms is FNV-1a of 64 bits, http://www.isthe.com/chongo/tech/comp/fnv/.
const (
	hashSeed  uint64 = 14695981039346656037
	hashPrime uint64 = 1099511628211
)

func hashByte(hash uint64, c byte) uint64 { return (hash ^ uint64(c)) * hashPrime }

// term is the part of a hash that is kept, with all bits of the hash mixed into it, below a
// bit that tells it from what is no hash.
func term(hash uint64) uint64 {
	hash ^= hash >> 32
	hash *= 0x9e3779b97f4a7c15
	return hash>>(65-TermBits) | 1<<(TermBits-1)
}
