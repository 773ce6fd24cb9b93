package words

import (
	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/english"
)

// What is stemmed: shorter words have no ending, longer ones are no English.
const (
	minStem = 3
	maxStem = 40
)

// stemmer remembers what became of the words that it saw lately, as hashes: most
// words of a text are few.
type stemmer struct {
	env   *snowballstem.Env
	known []known // by the lowest bits of the word's hash
}

// known is a word and its stem. The stem is 0 where it has still to be found.
type known struct{ word, stem uint64 }

const wordsKnown = 1 << 14

// at returns the place of a word that has a hash.
func (s *stemmer) at(hash uint64) *known {
	if s.known == nil {
		s.env, s.known = snowballstem.NewEnv(""), make([]known, wordsKnown)
	}
	k := &s.known[hash%wordsKnown]
	if k.word != hash {
		*k = known{word: hash}
	}
	return k
}

// stem returns the hash of the stem of a word of ASCII letters, whose hash in lower
// case is given.
func (t *Tokenizer) stem(hash uint64, word string) uint64 {
	if len(word) < minStem || len(word) > maxStem {
		return hash
	}
	known := t.stemmer.at(hash)
	if known.stem != 0 {
		return known.stem
	}
	t.lower = t.lower[:0]
	for i := range len(word) {
		t.lower = append(t.lower, lower(word[i]))
	}
	t.stemmer.env.SetCurrent(string(t.lower))
	english.Stem(t.stemmer.env)
	known.stem = hashString(t.stemmer.env.Current())
	return known.stem
}

func hashString(s string) uint64 {
	hash := hashSeed
	for i := range len(s) {
		hash = hashByte(hash, s[i])
	}
	return hash
}
