package words

// Term is the term of a stem, or of what is not stemmed.
func Term(stem string) uint64 { return term(hashString(stem)) }
