// Package language weighs whether texts are English. It counts words that only English has, and
// words and letters that English does not have; there is no model and nothing to load. Code and
// logs hold few of either, and those are English.
package language

import (
	"unicode"
	"unicode/utf8"
)

// Evidence is what texts hold for and against English. The zero value is that of no text.
type Evidence struct {
	English int // words that are English and nothing else
	Other   int // words of other languages, or with letters that English does not have
}

// enough is the least evidence that is worth a verdict.
const enough = 3

// Foreign reports whether there is evidence that the texts are in another language than English.
func (e Evidence) Foreign() bool { return e.Other >= enough && e.Other > e.English }

// Partly reports whether a quarter of the evidence or more is for other languages than English.
func (e Evidence) Partly() bool { return e.Other >= enough && 3*e.Other >= e.English }

// Add adds the evidence in a text.
func (e *Evidence) Add(text string) {
	for start := 0; start < len(text); {
		word, next := nextWord(text, start)
		start = next
		e.weigh(word)
	}
}

// word is a run of letters.
type word struct {
	text     string
	letters  int
	accented bool // has a Latin letter that is not ASCII
	foreign  bool // has a letter of another script
	dense    int  // letters of a script in which a letter is a word or a syllable
}

// nextWord returns the first word at or after start, and where to go on.
func nextWord(text string, start int) (w word, next int) {
	for start < len(text) && !asciiLetter(text[start]) && text[start] < utf8.RuneSelf {
		start++
	}
	i := start
	for i < len(text) {
		r, n := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(text[i:])
			if !unicode.IsLetter(r) && !unicode.IsMark(r) {
				break
			}
			switch {
			case r >= firstDense:
				w.dense++
			case unicode.In(r, unicode.Latin, unicode.Mark):
				w.accented = true
			default:
				w.foreign = true
			}
		} else if !asciiLetter(text[i]) {
			break
		}
		w.letters++
		i += n
	}
	w.text = text[start:i]
	if w.letters == 0 && i < len(text) {
		_, n := utf8.DecodeRuneInString(text[i:])
		i += n
	}
	return w, i
}

// firstDense is where the scripts of East Asia begin, with few exceptions.
const firstDense = 0x2e80

func asciiLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// longestListed is the length in bytes of the longest word in the lists.
const longestListed = 8

func (e *Evidence) weigh(w word) {
	switch {
	case w.dense > 0:
		e.Other += (w.dense + 2) / 3
	case w.foreign && w.letters > 1, w.accented:
		e.Other++
	case w.letters < 2 || w.letters > longestListed:
	default:
		if lower, ok := lowered(w.text); !ok {
			return
		} else if english(string(lower[:len(w.text)])) {
			e.English++
		} else if other(string(lower[:len(w.text)])) {
			e.Other++
		}
	}
}

// lowered returns an ASCII word in lower case, and false for one in capitals, which may be an
// abbreviation.
func lowered(text string) (lower [longestListed]byte, ok bool) {
	for i := range len(text) {
		lower[i] = text[i] | 0x20
		ok = ok || i > 0 && text[i] >= 'a'
	}
	return lower, ok
}
