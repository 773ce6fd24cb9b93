package splitter

import (
	"strings"
	"testing"
)

// prose is about so many bytes of paragraphs of four to nine sentences, some
// apart by more than one blank line.
func prose(size int) string {
	words := strings.Fields("the river carries slate and amber past a quiet harbour where nobody counts " +
		"lanterns; étude in copper, said the heron, turning over seven leaves before dawn")
	var b strings.Builder
	for n := uint32(1); b.Len() < size; {
		n = n*1664525 + 1013904223
		b.WriteString(words[n>>16%uint32(len(words))])
		switch {
		case n>>8%97 == 0:
			b.WriteString(".\n\n\n\n")
		case n>>8%61 == 0:
			b.WriteString(".\n\n")
		case n>>8%13 == 0:
			b.WriteString(".\n")
		default:
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// markdownProse is prose with a heading every few paragraphs.
func markdownProse(size int) string {
	paragraphs := strings.Split(prose(size), "\n\n")
	for i := range paragraphs {
		if i%5 == 0 {
			paragraphs[i] = strings.Repeat("#", 1+i/5%3) + " Chapter " + paragraphs[i]
		}
	}
	return strings.Join(paragraphs, "\n\n")
}

func BenchmarkSplit(b *testing.B) {
	const size = 4 << 20
	plain, marked := prose(size), markdownProse(size)
	cases := []struct {
		name string
		text string
		opts Options
	}{
		{"character", plain, Options{Kind: Character}},
		{"character-overlap", plain, Options{Kind: Character, Separators: []string{" "}, ChunkOverlap: 200}},
		{"regex", plain, Options{Kind: Character, Separators: []string{`(?<=\.)\s+`}, Regex: true}},
		{"recursive", plain, Options{Kind: Recursive}},
		{"python", plain, Options{Kind: Recursive, Language: "python"}},
		{"markdown", marked, Options{Kind: Markdown}},
		{"no-separator", strings.Repeat("x", size), Options{Kind: Recursive}},
		{"million-pieces", strings.Repeat("é ", size/3), Options{Kind: Character, Separators: []string{" "}}},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			c.opts.ChunkSize = 1000
			s, err := New(c.opts)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Split(c.text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
