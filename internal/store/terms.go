package store

import "sheaf/internal/words"

// termFinder finds the terms of texts, one after the other. A nil one finds none.
type termFinder struct {
	tokenizer words.Tokenizer
	tokens    []words.Token
}

// of returns the terms of a text.
func (f *termFinder) of(text string) []uint64 {
	if f == nil {
		return nil
	}
	f.tokens = f.tokenizer.Append(f.tokens[:0], text)
	terms := make([]uint64, len(f.tokens))
	for i, token := range f.tokens {
		terms[i] = token.Term
	}
	return terms
}
