package words

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/text/unicode/norm"
)

// wideRun adds the tokens of a run in which not all is ASCII. It ends at characters
// that are no part of words too.
func (t *Tokenizer) wideRun(s string, start int) {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if !inRun(r) {
			i += size
			continue
		}
		from := i
		for i < len(s) && inRun(r) {
			i += size
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		t.foldedRun(s[from:i], start+from)
	}
}

// inRun reports whether a character is part of a run.
func inRun(r rune) bool {
	if r < utf8.RuneSelf {
		return true // gaps of ASCII have ended it before
	}
	return isDense(r) || unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.Cf) || r == '’'
}

// foldedRun adds the tokens of a run: those of its words, and itself where it has
// several.
func (t *Tokenizer) foldedRun(s string, start int) {
	first, last, words := len(s), 0, 0
	for i := 0; i < len(s); {
		from := i
		kind := kindOf(s[i:])
		for i < len(s) && kindOf(s[i:]) == kind {
			_, size := utf8.DecodeRuneInString(s[i:])
			i += size
		}
		if kind == dense {
			t.pairs(s[from:i], start+from)
		}
		if kind != spaced {
			continue
		}
		for rest, state := s[from:i], -1; rest != ""; {
			var word string
			at := i - len(rest)
			if word, rest, state = uniseg.FirstWordInString(rest, state); t.wideWord(word, start+at) {
				first, last = min(first, at), at+len(word)
				words++
			}
		}
	}
	if words == 0 {
		return
	}
	if from, to := outline(s, first, last); words > 1 || from < first || to > last {
		t.emit(hashString(caseless(fold(s[from:to]))), from, to, place{start: start})
	}
}

// kind is what a character of a run is.
type kind int

const (
	spaced kind = iota // of a script with spaces between words
	dense              // of one without
	joint              // between words
)

// kindOf returns the kind of the first character of s.
func kindOf(s string) kind {
	if class[s[0]]&wide == 0 {
		if class[s[0]] == joiner {
			return joint
		}
		return spaced
	}
	if r, _ := utf8.DecodeRuneInString(s); isDense(r) {
		return dense
	}
	return spaced
}

// wideWord adds the tokens of a word, and reports whether it has any.
func (t *Tokenizer) wideWord(word string, start int) bool {
	before := len(t.tokens)
	if isASCII(word) {
		t.run(word, place{start: start})
		return len(t.tokens) > before
	}
	at := place{start, start + len(word)}
	known := t.stemmer.at(hashString(word))
	if known.stem != 0 {
		t.emit(known.stem, 0, 0, at)
		return true
	}
	folded := fold(word)
	switch {
	case isASCII(folded):
		t.run(folded, at)
	case strings.ContainsFunc(folded, isAlphanumeric):
		known.stem = hashString(caseless(folded))
		t.emit(known.stem, 0, 0, at)
	}
	return len(t.tokens) > before
}

func isAlphanumeric(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// pairs adds each two characters of a dense script that follow each other, and the last one;
// of a query that only where it stands alone.
func (t *Tokenizer) pairs(s string, start int) {
	at := place{start: start}
	if !norm.NFKC.IsNormalString(s) {
		at.end = start + len(s)
		s = norm.NFKC.String(s)
	}
	var last rune
	previous := 0 // the beginning of the last character
	for i, r := range s {
		end := i + utf8.RuneLen(r)
		if i > 0 {
			t.add(denseTerm(last, r), previous, end, at)
		}
		if end == len(s) && (i == 0 || !t.asked) {
			t.add(denseTerm(r, 0), i, end, at)
		}
		last, previous = r, i
	}
}

// denseTerm is the term of two characters, or of one and 0: as they are, so that all of a
// first character follow each other in an index.
func denseTerm(first, second rune) uint64 { return uint64(first)<<runeBits | uint64(second) }

// runeBits is how many bits a character has. Two have fewer than a term: of a hash the
// highest bit is 1.
const runeBits = 21

// Single is the character that a query's term stands for, see Last; 0 for other terms.
func Single(term uint64) rune {
	if single(term) != term {
		return 0
	}
	return rune(term >> runeBits)
}

// Last is the last of the terms that a query's term stands for, which begin with it. It
// stands for itself alone, except that of a single character of a dense script: a text has
// that in front of others.
func Last(term uint64) uint64 {
	if single(term) == term {
		return term | (1<<runeBits - 1)
	}
	return term
}

// single is the term of the first character of a pair, and no term for others.
func single(term uint64) uint64 {
	if term>>(TermBits-1) != 0 {
		return 0
	}
	return term >> runeBits << runeBits
}

// First is the token of the first character, where a token is a pair of a text or the last
// character of a run.
func (k Token) First(text string) (Token, bool) {
	k.Term = single(k.Term)
	if r, size := utf8.DecodeRuneInString(text[k.Start:k.End]); k.Term == denseTerm(r, 0) { // else it was folded
		k.End = k.Start + size
	}
	return k, k.Term != 0
}

// isDense reports whether a character is of a script without spaces between
// words. Marks of sound and length belong to several scripts, and are taken for
// Katakana.
func isDense(r rune) bool {
	switch {
	case r < 0x0e00:
		return false
	case r >= 0x4e00 && r <= 0x9fff, r >= 0xac00 && r <= 0xd7a3, r == 'ー', r >= 0x3099 && r <= 0x309a, r >= 0xff66 && r <= 0xff9f:
		return true
	}
	return unicode.In(r, unicode.Hiragana, unicode.Katakana, unicode.Han, unicode.Hangul, unicode.Thai)
}

// fold brings a word to the form in which it is compared, except for case: NFKC,
// without diacritics, points and format characters, and with a plain apostrophe.
func fold(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '’':
			return '\''
		case r >= utf8.RuneSelf && (isDiacritic(r) || unicode.Is(unicode.Cf, r)):
			return -1
		}
		return r
	}, norm.NFKD.String(s))
	return norm.NFC.String(s)
}

// isDiacritic reports whether a mark only changes the letter that it stands at, by its
// combining class (https://www.unicode.org/reports/tr44/#Canonical_Combining_Class_Values):
// from 10 on the points of Hebrew and Arabic, from 202 on marks above, below and
// through. Others are letters of their own, such as vowels of Indic scripts.
func isDiacritic(r rune) bool {
	var b [utf8.UTFMax]byte
	ccc := norm.NFD.Properties(b[:utf8.EncodeRune(b[:], r)]).CCC()
	return ccc >= 10 && ccc <= 36 || ccc >= 202 && ccc <= 240
}

// caseless folds the case of what fold returned as Unicode says, with ß as ss
// (https://www.unicode.org/Public/UCD/latest/ucd/CaseFolding.txt, C and F), except that
// Cherokee gets small letters.
func caseless(s string) string {
	return strings.ReplaceAll(strings.Map(func(r rune) rune {
		if r == 'ı' { // its capital is that of i
			return r
		}
		return unicode.ToLower(unicode.ToUpper(r))
	}, s), "ß", "ss")
}
