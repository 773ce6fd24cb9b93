package unigram

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// HuggingFace splits texts as the tokenizer of a tokenizer.json does, without the tokens around a text
// and without truncation, which belong to the model. It is safe for concurrent use.
//
// Added tokens, such as </s>, are found in the text first. The rest is normalized by a charsmap
// and split into words, which begin at a space. Each word is split into pieces by itself.
type HuggingFace struct {
	// The token before a text and the one behind it, and their ids.
	FirstToken, LastToken string
	First, Last           int32

	rules    graphemes
	splitter splitter
	words    *words
	trim     bool         // white space behind a section between added tokens is removed
	run      string       // what runs of spaces become; empty: they stay
	fields   bool         // words begin behind white space of any kind
	added    []addedToken // those that are found before the text is normalized
	normal   []addedToken // those that are found in the normal form
}

// addedToken is a token that is found wherever its content stands.
type addedToken struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	Normalized bool   `json:"normalized"`
	SingleWord bool   `json:"single_word"`
	Left       bool   `json:"lstrip"` // takes the white space before it
	Right      bool   `json:"rstrip"`
}

// Size returns the number of pieces. Ids are below it.
func (h *HuggingFace) Size() int { return h.words.size() }

// WriteTo writes what the ids depend on, for a fingerprint.
func (h *HuggingFace) WriteTo(w io.Writer) (int64, error) {
	n, err := fmt.Fprintln(w, h.First, h.Last, h.splitter.unknown, h.trim, h.run, h.fields, h.added, h.normal, h.words.ends, h.words.scores)
	for _, part := range []string{h.words.text, string(h.rules.charsmap.rules), h.rules.charsmap.texts} {
		if err == nil {
			var more int
			more, err = io.WriteString(w, part)
			n += more
		}
	}
	return int64(n), err
}

// Append appends the ids of text. What is not UTF-8 in it counts as U+FFFD.
func (h *HuggingFace) Append(ids []int32, text string) []int32 {
	s := h.splitter.scratch()
	ids = sections(ids, strings.ToValidUTF8(text, string(utf8.RuneError)), h.added, func(ids []int32, text string) []int32 {
		return sections(ids, h.normalize(text), h.normal, func(ids []int32, text string) []int32 { return h.split(ids, s, text) })
	})
	h.splitter.keep(s)
	return ids
}

// sections appends the ids of the tokens in text, and has a function append those of each text
// between them that is not empty.
func sections(ids []int32, text string, tokens []addedToken, between func([]int32, string) []int32) []int32 {
	for text != "" {
		at, token := find(text, tokens)
		before := text[:at]
		if token != nil && token.Left {
			before = strings.TrimRightFunc(before, unicode.IsSpace)
		}
		if before != "" {
			ids = between(ids, before)
		}
		if token == nil {
			break
		}
		ids, text = append(ids, token.ID), text[at+len(token.Content):]
	}
	return ids
}

// find returns the first token in text and its place; of two at a place the longest, which are sorted
// by length. Without one it returns the length of text.
func find(text string, tokens []addedToken) (int, *addedToken) {
	for at := range len(text) {
		for i := range tokens {
			if content := tokens[i].Content; text[at] == content[0] && strings.HasPrefix(text[at:], content) {
				return at, &tokens[i]
			}
		}
	}
	return len(text), nil
}

// normalize returns the normal form of a text between added tokens.
func (h *HuggingFace) normalize(text string) string {
	normal := make([]byte, 0, len(text)+len(text)/4)
	normal = h.rules.appendNormal(normal, text)
	text = string(normal)
	if h.trim {
		text = strings.TrimRightFunc(text, unicode.IsSpace)
	}
	if h.run != "" && strings.Contains(text, "  ") {
		text = squeeze(text, h.run)
	}
	return text
}

// squeeze replaces runs of two and more spaces.
func squeeze(text, with string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "  ")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString(with)
		text = strings.TrimLeft(rest, " ")
	}
}

// split appends the ids of the words of a normal form.
func (h *HuggingFace) split(ids []int32, s *scratch, text string) []int32 {
	if !h.fields {
		return h.marked(ids, s, text)
	}
	for field := range strings.FieldsFuncSeq(text, unicode.IsSpace) {
		ids = h.marked(ids, s, field)
	}
	return ids
}

// marked writes the spaces of a text as pieces do, with one at the beginning, and appends the ids
// of each word.
func (h *HuggingFace) marked(ids []int32, s *scratch, text string) []int32 {
	s.text = s.text[:0]
	if text[0] != ' ' && !strings.HasPrefix(text, space) {
		s.text = append(s.text, space...)
	}
	for i := range len(text) {
		if text[i] == ' ' {
			s.text = append(s.text, space...)
		} else {
			s.text = append(s.text, text[i])
		}
	}
	for rest := s.text; len(rest) > 0; {
		end := len(space) + indexSpace(rest[len(space):])
		ids = h.splitter.split(ids, s, rest[:end])
		rest = rest[end:]
	}
	return ids
}

// indexSpace returns where the next space of a normal form is, or its length.
func indexSpace(text []byte) int {
	for i := range text {
		if text[i] == space[0] && i+2 < len(text) && text[i+1] == space[1] && text[i+2] == space[2] {
			return i
		}
	}
	return len(text)
}

// graphemes applies a charsmap as Hugging Face does: to a character with its marks, or else to
// each by itself, and the shortest rule counts, not the longest.
type graphemes struct {
	charsmap charsmap
	kept     [utf8.RuneSelf]bool // ASCII characters that have no rule by themselves
}

func newGraphemes(m charsmap) graphemes {
	g := graphemes{charsmap: m}
	for c := range g.kept {
		_, found := m.first(string(rune(c)))
		g.kept[c] = !found
	}
	return g
}

// maxWhole is the length from which on a character with its marks is not looked up as a whole.
const maxWhole = 6

func (g *graphemes) appendNormal(normal []byte, text string) []byte {
	for text != "" {
		n := 0
		for n < len(text) && text[n] >= ' ' && text[n] < utf8.RuneSelf && g.kept[text[n]] {
			n++
		}
		if n > 0 && n < len(text) && text[n] >= utf8.RuneSelf {
			n-- // the next character may be a mark
		}
		if n > 0 {
			normal, text = append(normal, text[:n]...), text[n:]
			continue
		}
		var cluster string
		cluster, text, _, _ = uniseg.FirstGraphemeClusterInString(text, -1)
		normal = g.appendCluster(normal, cluster)
	}
	return normal
}

func (g *graphemes) appendCluster(normal []byte, cluster string) []byte {
	if len(cluster) < maxWhole {
		if with, found := g.charsmap.first(cluster); found {
			return append(normal, with...)
		}
	}
	for i, r := range cluster {
		part := cluster[i : i+utf8.RuneLen(r)]
		if with, found := g.charsmap.first(part); found {
			part = with
		}
		normal = append(normal, part...)
	}
	return normal
}

// first returns what the shortest rule that text begins with makes of it.
func (m *charsmap) first(text string) (string, bool) {
	value, length := m.rules.shortest(text)
	if length == 0 || uint64(value) > uint64(len(m.texts)) {
		return "", false
	}
	return m.text(value), true
}
