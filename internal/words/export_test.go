package words

import "strings"

// Term is the term of a stem, or of what is not stemmed.
func Term(stem string) uint64 {
	switch runes := []rune(stem); {
	case !isDense(runes[0]):
		return term(hashString(stem))
	case len(runes) == 1:
		return denseTerm(runes[0], 0)
	default:
		return denseTerm(runes[0], runes[1])
	}
}

// Occurs reports whether a text has a passage, however either is written.
func Occurs(text, passage string) bool { return occurs(literal(text), literal(passage)) }

// Expands reports whether a text has a letter of which folding case makes two.
func Expands(text string) bool {
	text = fold(text)
	return len(caseless(text)) != len(strings.ToLower(text))
}

// Fold folds all but case, and Caseless the case of what it returned.
var (
	Fold     = fold
	Caseless = caseless
)
