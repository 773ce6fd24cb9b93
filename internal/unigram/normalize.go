package unigram

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// space is how pieces write a space, U+2581.
const space = "▁"

// maxReplacement is the number of bytes that one rule may put into a text; the longest of
// nmt_nfkc has 33.
const maxReplacement = 256

// charsmap is SentencePiece's compiled table of a normalizer: a rule replaces one string by
// another. The value of a rule is where its replacement begins in texts, which ends at a zero byte.
type charsmap struct {
	rules trie
	texts string
	plain bool // no rule is about printable ASCII alone
}

// openCharsmap takes a precompiled_charsmap apart: the size of the trie in bytes as a little-endian
// uint32, the trie, and the replacements.
func openCharsmap(data string) (charsmap, error) {
	if len(data) < 4 {
		return charsmap{}, fmt.Errorf("charsmap of %d bytes: %w", len(data), ErrModel)
	}
	size := uint64(word(data))
	if data = data[4:]; size > uint64(len(data)) || size%unitBytes != 0 {
		return charsmap{}, fmt.Errorf("charsmap with a trie of %d bytes in %d: %w", size, len(data), ErrModel)
	}
	return charsmap{rules: trie(data[:size]), texts: data[size:]}, nil
}

// plainPrefix returns the length of the beginning of text that no rule changes, without the spaces,
// if rules leave ASCII alone. It ends before a character that another one follows that is not ASCII: the two may be one.
func (m *charsmap) plainPrefix(text string) int {
	i := 0
	for m.plain && i < len(text) && ' ' < text[i] && text[i] < 0x7f {
		i++
	}
	if i > 0 && i < len(text) && text[i] >= utf8.RuneSelf {
		i--
	}
	return i
}

// prefix returns what the beginning of text becomes, and its length. text must not be empty.
func (m *charsmap) prefix(text string) (string, int) {
	value, length := m.rules.longest(text)
	if length == 0 || uint64(value) > uint64(len(m.texts)) {
		r, n := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError {
			return string(utf8.RuneError), n
		}
		return text[:n], n
	}
	return m.text(value), length
}

// text returns the replacement that begins at a place in texts.
func (m *charsmap) text(at uint32) string {
	with := m.texts[at:]
	with = with[:min(len(with), maxReplacement)]
	if end := strings.IndexByte(with, 0); end >= 0 {
		with = with[:end]
	}
	return with
}

// appendNormal appends text as SentencePiece's Normalizer writes it with its default flags: rules
// applied, spaces at both ends removed and runs of them made one, a space put before the whole, and
// each written as U+2581. A text of spaces, or of what the rules remove, has no normal form.
func (m *charsmap) appendNormal(normal []byte, text string) []byte {
	begin := len(normal)
	normal = append(normal, space...)
	afterSpace := true
	for text != "" {
		if n := m.plainPrefix(text); n > 0 {
			normal = append(normal, text[:n]...)
			text, afterSpace = text[n:], false
			continue
		}
		part, n := text[:1], 1
		if !m.plain || text[0] != ' ' || len(text) > 1 && text[1] >= utf8.RuneSelf {
			part, n = m.prefix(text)
		}
		text = text[n:]
		if afterSpace {
			part = strings.TrimLeft(part, " ")
		}
		if part == "" {
			continue
		}
		for i := range len(part) {
			if part[i] == ' ' {
				normal = append(normal, space...)
			} else {
				normal = append(normal, part[i])
			}
		}
		afterSpace = part[len(part)-1] == ' '
	}
	for bytes.HasSuffix(normal[begin:], []byte(space)) {
		normal = normal[:len(normal)-len(space)]
	}
	return normal
}
