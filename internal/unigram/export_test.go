package unigram

// Longest returns the id and the length of the longest piece that text begins with.
func Longest(t, text string) (id, length int) {
	value, length := trie(t).longest(text)
	return int(value), length
}
