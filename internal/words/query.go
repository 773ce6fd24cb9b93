package words

import (
	"regexp"
	"strings"
	"sync"

	"sheaf/internal/language"
)

// Query is what a text asks for by its words.
type Query struct {
	Terms []uint64 // of its tokens, in their order: a word that is repeated counts again
	// Identifiers tells of each term whether it is of a word that looks like an
	// identifier, a path, a flag or a number.
	Identifiers []bool
	StopWords   map[uint64]bool // terms that stand for a stop word somewhere in the query, see language.StopWord; nil: none
	Words       []string        // of each term, as it stands in the query
}

// Query returns what a text asks for.
func (t *Tokenizer) Query(text string) (q Query) {
	marks := identifiers(text)
	for _, token := range t.appendAsked(nil, text) {
		word := text[token.Start:token.End]
		q.Terms = append(q.Terms, token.Term)
		q.Identifiers = append(q.Identifiers, marks[token.Start])
		q.Words = append(q.Words, word)
		if !marks[token.Start] && language.StopWord(word) {
			if q.StopWords == nil {
				q.StopWords = map[uint64]bool{}
			}
			q.StopWords[token.Term] = true
		}
	}
	return q
}

// identifier matches what is written, between white space, as no word of prose is.
var identifier = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile("[a-z][A-Z]|[A-Z]{2,}[_0-9]|_|::|[\\\\%$@#{}<>`=/]|\\(\\)|[0-9]|\\w\\.\\w|^-")
})

// identifiers tells of each byte of a text whether it is of an identifier.
func identifiers(text string) []bool {
	marks := make([]bool, len(text))
	at := 0
	for word := range strings.FieldsSeq(text) {
		at += strings.Index(text[at:], word)
		is := identifier().MatchString(word)
		for range len(word) {
			marks[at] = is
			at++
		}
	}
	return marks
}
