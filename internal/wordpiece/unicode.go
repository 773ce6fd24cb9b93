package wordpiece

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// addRun adds the part of text from byte i, where a character beyond ASCII starts, to
// the next ASCII white space or special token, and returns where that is. The ASCII
// letters before i were added already: NFD does not change them, and the marks after
// them are dropped or follow unchanged.
func (w *word) addRun(text string, i int) int {
	end := i
	for end < len(text) && byteClass[text[end]] != space {
		if text[end] == '[' && w.tokenizer.specialAt(text[end:]) >= 0 {
			break
		}
		end++
	}
	clean := strings.Builder{}
	for _, r := range text[i:end] {
		switch {
		case isDropped(r):
		case isIdeograph(r) && !w.tokenizer.rules.JoinIdeographs:
			clean.WriteByte(' ')
			clean.WriteRune(r)
			clean.WriteByte(' ')
		default:
			clean.WriteRune(r)
		}
	}
	normal := clean.String()
	if !w.tokenizer.rules.KeepAccents {
		normal = norm.NFD.String(normal)
	}
	for _, r := range normal {
		w.addNormal(r)
	}
	return end
}

// addNormal adds a character after NFD. It is not a control.
func (w *word) addNormal(r rune) {
	rules := &w.tokenizer.rules
	switch {
	case unicode.IsSpace(r):
		w.flush()
	case isMark(r) && !rules.KeepAccents:
	case isPunctuation(r):
		w.flush()
		w.addRune(r)
		w.flush()
	case rules.KeepCase:
		w.addRune(r)
	case r == dottedI: // the one letter whose lower case is two characters
		w.addRune('i')
		w.addRune(dotAbove)
	case r == lambdaStroke:
		w.addRune(lambdaStrokeLower)
	default:
		w.addRune(unicode.ToLower(r))
	}
}

const (
	dottedI  = '\u0130'
	dotAbove = '\u0307'

	// A pair of Unicode 16, which Go's tables do not have yet.
	lambdaStroke      = '\ua7dc'
	lambdaStrokeLower = '\u019b'
)

// isDropped reports whether BERT's clean-up drops r: controls, with the white space among
// them such as U+0085, format characters, private use and U+FFFD. It keeps unassigned
// code points, which unicode.C contains.
func isDropped(r rune) bool {
	return r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Co) || is8(unicode.Cf, r)
}

// isMark reports whether r is an accent, which is stripped.
func isMark(r rune) bool {
	return is8(unicode.Mn, r) && r != sharadaSandhi || r == hanunooPamudpod
}

func isPunctuation(r rune) bool {
	if r < utf8.RuneSelf {
		return byteClass[r] == punctuation
	}
	return is8(unicode.P, r) || r == sharadaSandhi || r == canadianFullStop
}

// isIdeograph reports whether r is a word by itself for BERT: a CJK unified or
// compatibility ideograph, not kana and not Hangul. Extension E begins at U+2B920, not at
// U+2B820, as in Hugging Face's tokenizer.
func isIdeograph(r rune) bool {
	switch {
	case r < 0x3400:
		return false
	case r <= 0x4DBF, 0x4E00 <= r && r <= 0x9FFF, 0xF900 <= r && r <= 0xFAFF:
		return true
	case r < 0x20000:
		return false
	}
	return r <= 0x2A6DF || 0x2A700 <= r && r <= 0x2B73F || 0x2B740 <= r && r <= 0x2B81F ||
		0x2B920 <= r && r <= 0x2CEAF || 0x2F800 <= r && r <= 0x2FA1F
}
