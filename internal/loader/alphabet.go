package loader

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// alphabets are encodings with the letters beyond ASCII of the languages that are written in them. Of encodings that fit
// equally well the first is taken.
var alphabets = []struct {
	encoding  string
	languages []string
}{
	{"windows-1252", []string{
		"àâçèéêëîïôœùûü",     // French but for its rarest letters
		"äöüßé",              // German
		"áéíñóúüªº",          // Spanish
		"àáâãçéêíóôõúªº",     // Portuguese
		"àèéìíîòóùú",         // Italian
		"àçèéíïòóúü",         // Catalan
		"åäæéèêëöøòôü",       // Danish, Norwegian, Swedish, Finnish
		"áæðéíóöúýþ",         // Icelandic
		"áàéèëêïíóöôúüç",     // Dutch, Afrikaans
		"áéíóúàèìòùâêîôûŵŷç", // Irish, Gaelic, Welsh, Albanian
	}},
	{"windows-1250", centralEuropean},
	{"iso-8859-2", centralEuropean},
	{"windows-1254", []string{"âçğıîİöşûü"}}, // Turkish
	{"windows-1257", []string{
		"ąčęėįšųūž",     // Lithuanian
		"āčēģīķļņōŗšūž", // Latvian
		"äõöšüž",        // Estonian
	}},
	{"windows-1256", []string{"ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيپچژگکی،؛؟ـ"}}, // Arabic, Persian
}

var centralEuropean = []string{
	"ąćęłńóśźż",         // Polish
	"áčďéěíňóřšťúůýžöü", // Czech
	"áäčďéíĺľňóôŕšťúýž", // Slovak
	"áéíóöőúüű",         // Hungarian
	"ćčđšž",             // Croatian, Bosnian, Slovene
	"âăîşţ",             // Romanian
}

// punctuation are characters beyond ASCII that stand between letters in any language.
const punctuation = "\u00a0\u00ad–—‘’‚“”„†‡•…‹›«»·´§©®™°€"

// isWordLetter reports whether words have a letter: µ of µm is a letter to Unicode, but a sign of units.
func isWordLetter(r rune) bool { return unicode.IsLetter(r) && r != 'µ' }

// isLine reports whether three characters are the same, as in frames that are drawn with them: no word has that, except
// for the stroke that lengthens Arabic letters.
func isLine(a, b, c rune) bool { return a == b && b == c && c != 'ـ' }

// longestRun is how many letters beyond ASCII follow each other in words of Latin letters.
const longestRun = 3

// detectByAlphabet finds the encoding that makes the largest share of the characters beyond ASCII letters of one
// language. It is uncertain when the share is small or another encoding, with other letters, fits as well.
func detectByAlphabet(sample []byte) (best charset, share float64) {
	var bestText string
	for _, a := range alphabets {
		c, err := findCharset(a.encoding)
		if err != nil || !makesText(c, sample) {
			continue
		}
		decoded, err := c.decodeSample(sample)
		if err != nil {
			continue
		}
		text := string(decoded)
		switch s := lettersOf(text).share(a.languages); {
		case s > share:
			best, bestText, share = c, text, s
			best.uncertain = s < certainLetters
		case s == share && text != bestText:
			best.uncertain = true
		}
	}
	return best, share
}

// letterCounts are the characters beyond ASCII of a text.
type letterCounts struct {
	letters map[rune]int // in lower case, where they stand as letters do in words
	total   int          // those, the other letters, and symbols between letters
}

func lettersOf(text string) letterCounts {
	counts := letterCounts{letters: map[rune]int{}}
	var before, last rune // the two characters before r
	run := 0              // of letters beyond ASCII, with r
	for _, r := range text {
		isLetter, isLatin, afterLetter := isWordLetter(r), unicode.Is(unicode.Latin, r), isWordLetter(last)
		mixed := isLetter && afterLetter && isLatin != unicode.Is(unicode.Latin, last)
		if mixed || isLetter && isSymbol(last) && unicode.IsLetter(before) {
			counts.total++
		}
		if run++; !isLetter || r < utf8.RuneSelf {
			run = 0
		}
		if run > 0 {
			counts.total++
			odd := isLatin && (run > longestRun || unicode.IsUpper(r) && unicode.IsLower(last)) || isLine(before, last, r)
			if !odd {
				counts.letters[unicode.ToLower(r)]++
			}
		}
		before, last = last, r
	}
	return counts
}

// isSymbol reports whether a character beyond ASCII does not stand between letters.
func isSymbol(r rune) bool {
	return r >= utf8.RuneSelf && !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r) && !strings.ContainsRune(punctuation, r)
}

// share returns the largest share of the characters that are letters of one language.
func (c letterCounts) share(languages []string) float64 {
	if c.total == 0 {
		return 1
	}
	most := 0
	for _, language := range languages {
		n := 0
		for _, letter := range language {
			n += c.letters[letter]
		}
		most = max(most, n)
	}
	return float64(most) / float64(c.total)
}
