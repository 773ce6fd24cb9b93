package wordpiece

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// addRun adds the part of text around its byte i, where a character beyond ASCII
// starts, up to the next ASCII white space or special token, and returns where
// that is. What of the word was added before stays as it is: ASCII takes part in
// NFD only through the marks after it, which are dropped or follow it unchanged.
func (w *word) addRun(text string, i int) int {
	end := i
	for end < len(text) && asciiClass[text[end]] != space {
		if text[end] == '[' && w.tokenizer.specialAt(text[end:]) >= 0 {
			break
		}
		end++
	}
	clean := strings.Builder{}
	for _, r := range text[i:end] {
		switch {
		case isDropped(r):
		case isIdeograph(r):
			clean.WriteByte(' ')
			clean.WriteRune(r)
			clean.WriteByte(' ')
		default:
			clean.WriteRune(r)
		}
	}
	for _, r := range norm.NFD.String(clean.String()) {
		w.addNormal(r)
	}
	return end
}

// addNormal adds a decomposed character that is no control.
func (w *word) addNormal(r rune) {
	switch {
	case unicode.IsSpace(r):
		w.flush()
	case isMark(r):
	case isPunctuation(r):
		w.flush()
		w.addRune(r)
		w.flush()
	default:
		w.addRune(unicode.ToLower(r))
	}
}

// isDropped reports what BERT's clean-up drops: controls, format characters,
// private use and U+FFFD. Unassigned code points stay, so unicode.C, which has
// them, is not the test. The white space among the controls, such as U+0085, is
// dropped too.
func isDropped(r rune) bool {
	return r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Co) || is8(unicode.Cf, r)
}

// isMark reports an accent, to be stripped.
func isMark(r rune) bool {
	return is8(unicode.Mn, r) && r != sharadaSandhi || r == hanunooPamudpod
}

func isPunctuation(r rune) bool {
	if r < utf8.RuneSelf {
		return asciiClass[r] == punctuation
	}
	return is8(unicode.P, r) || r == sharadaSandhi || r == canadianFullStop
}

// isIdeograph reports the blocks that BERT splits one by one: the CJK unified
// and compatibility ideographs, not kana and not Hangul. Extension E begins at
// U+2B920 here, not at U+2B820, because it does in Hugging Face's tokenizer.
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
