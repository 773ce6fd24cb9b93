package embed

import (
	"unicode"
	"unicode/utf8"
)

// mostlyForeign reports whether more than half of a text's letters are outside
// the Latin script.
func mostlyForeign(text string) bool {
	if isASCII(text) {
		return false
	}
	latin, foreign := 0, 0
	for _, r := range text {
		switch {
		case r < utf8.RuneSelf && 'a' <= r|0x20 && r|0x20 <= 'z':
			latin++
		case r < utf8.RuneSelf || !unicode.IsLetter(r):
		case unicode.Is(unicode.Latin, r):
			latin++
		default:
			foreign++
		}
	}
	return foreign > latin
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
