package embed

import (
	"sync"
	"unicode"
	"unicode/utf8"

	"sheaf/internal/language"
)

// foreign is what an embedder has seen of languages that its model does not know.
type foreign struct {
	mu      sync.Mutex
	seen    language.Evidence
	texts   int // that were seen
	others  int // of these, in another language
	noticed bool
}

// Texts in another language are a good part of all when there are so many, and when they have this share.
const (
	notableTexts = 5
	notableShare = 0.1
)

// notably reports whether a good part of what was seen is in another language: of words, as among few
// texts, or of texts.
func (f *foreign) notably() bool {
	return f.seen.Partly() || f.others >= notableTexts && float64(f.others) >= notableShare*float64(f.texts)
}

// judged is how many bytes of a text its language is judged by.
const judged = 256

const seeOthers = "a service knows more, such as Ollama with --embedder openai:MODEL --base-url URL (see docs/embedders.md)"

// noticeNotEnglish says that a text is not English: of each text where the caller gives the notices, and else
// once in the embedder's life, at a text that is not, where so is a good part of what came before it: a list of
// names among English texts is no reason.
func (s *static) noticeNotEnglish(text string) string {
	var e language.Evidence
	e.Add(text[:min(len(text), judged)])
	f := &s.foreign
	f.mu.Lock()
	f.seen.English += e.English
	f.seen.Other += e.Other
	f.texts++
	if e.Foreign() {
		f.others++
	}
	now := e.Foreign() && (s.options.TellsForeign || !f.noticed && f.notably())
	f.noticed = f.noticed || now
	f.mu.Unlock()
	if !now {
		return ""
	}
	return "the built-in model is English and knows little of other languages; " +
		"a new store with --embedder builtin:" + Multilingual + " knows 16 (sheaf help init names them), " + seeOthers
}

func (s *static) noticeScript(text string) string {
	return s.foreign.noticeScript(text, "the built-in multilingual model", s.options.TellsForeign)
}

// noticeScript says that a text is in a script of none of the languages of a model for the 16 languages: of each
// such text, or once in the embedder's life.
func (f *foreign) noticeScript(text, model string, each bool) string {
	if !mostlyUnknown(text[:min(len(text), judged)]) {
		return ""
	}
	f.mu.Lock()
	now := each || !f.noticed
	f.noticed = true
	f.mu.Unlock()
	if !now {
		return ""
	}
	return model + " has no language of this script (sheaf help init names its 16); " + seeOthers
}

// mostlyUnknown reports whether most letters of a text are in none of the scripts of the
// multilingual model's languages.
func mostlyUnknown(text string) bool {
	known, unknown := 0, 0
	for _, r := range text {
		switch {
		case r < utf8.RuneSelf && 'a' <= r|0x20 && r|0x20 <= 'z':
			known++
		case r < utf8.RuneSelf || !unicode.IsLetter(r):
		case unicode.In(r, unicode.Latin, unicode.Cyrillic, unicode.Arabic, unicode.Thai,
			unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Common):
			known++
		default:
			unknown++
		}
	}
	return unknown > known
}
