package store

import "sheaf/internal/words"

// termFinder finds the terms of texts, one after the other. A nil one finds none.
type termFinder struct {
	tokenizer words.Tokenizer
	tokens    []words.Token
}

// append appends the terms of a text.
func (f *termFinder) append(terms []uint64, text string) []uint64 {
	if f == nil {
		return terms
	}
	f.tokens = f.tokenizer.Append(f.tokens[:0], text)
	for _, token := range f.tokens {
		terms = append(terms, token.Term)
	}
	return terms
}
