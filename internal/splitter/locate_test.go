package splitter

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// everyWay are options of all kinds that leave words whole.
func everyWay(size, overlap int) []Options {
	return []Options{
		{Kind: Character, ChunkSize: size, ChunkOverlap: overlap},
		{Kind: Character, ChunkSize: size, ChunkOverlap: overlap, Separators: []string{" "}, NoStrip: true},
		{Kind: Character, ChunkSize: size, ChunkOverlap: overlap, Separators: []string{"\n"}, Keep: KeepEnd},
		{Kind: Character, ChunkSize: size, ChunkOverlap: overlap, Separators: []string{`\s+`}, Regex: true},
		{Kind: Character, ChunkSize: size, ChunkOverlap: overlap, Separators: []string{`(\s)+`}, Regex: true},
		{Kind: Character, ChunkSize: size, ChunkOverlap: overlap, Separators: []string{`(\n)(\n)`}, Regex: true, Keep: KeepStart},
		{Kind: Recursive, ChunkSize: size, ChunkOverlap: overlap, Separators: []string{"\n\n", "\n", " "}},
		{Kind: Recursive, ChunkSize: size, ChunkOverlap: overlap, Separators: []string{"\n\n", " "}, Keep: KeepNone},
		{Kind: Recursive, ChunkSize: size, ChunkOverlap: overlap, Separators: []string{`\n(\n)`, `\s+`}, Regex: true, Keep: KeepNone},
		{Kind: Markdown, ChunkSize: size, ChunkOverlap: overlap, Separators: []string{"\n", " "}},
	}
}

// numbered is a text whose words tell their lines: "3é" is a word of line 3.
func numbered(rnd *rand.Rand, lines int) string {
	var b strings.Builder
	for line := 1; line <= lines; line++ {
		switch rnd.IntN(8) {
		case 0:
			b.WriteString("# ")
		case 1:
			b.WriteString(" \t")
		case 2:
			b.WriteString("\u00a0")
		}
		for range max(0, rnd.IntN(9)-2) {
			fmt.Fprintf(&b, "%dé%s", line, strings.Repeat(" ", 1+rnd.IntN(2)))
		}
		b.WriteString([]string{"\n", "\r\n"}[rnd.IntN(2)])
	}
	return b.String()
}

// TestLines holds every chunk's lines against what its words say, also where
// separators were collapsed or the start index is unknown.
func TestLines(t *testing.T) {
	t.Parallel()
	word := regexp.MustCompile(`\d+é`)
	checked, lost := 0, 0
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		text := numbered(rnd, 1+rnd.IntN(40))
		size := 1 + rnd.IntN(60)
		for _, o := range everyWay(size, rnd.IntN(size)) {
			for _, c := range mustSplit(t, o, text).Chunks {
				words := word.FindAllString(c.Text, -1)
				if len(words) == 0 {
					continue
				}
				checked++
				if c.StartIndex < 0 {
					lost++
				}
				if !linesHold(o, c, words) {
					t.Fatalf("seed %d, %+v: lines %d to %d of chunk %q", seed, o, c.StartLine, c.EndLine, c.Text)
				}
			}
		}
	}
	if checked < 4000 || lost < 400 {
		t.Errorf("only %d chunks checked, %d of them without a start index", checked, lost)
	}
}

// linesHold: a chunk that ends in words begins and ends on their lines; blanks
// that were left on it may come from lines before and after.
func linesHold(o Options, c Chunk, words []string) bool {
	var first, last int
	fmt.Sscanf(words[0], "%d", &first)
	fmt.Sscanf(words[len(words)-1], "%d", &last)
	trimmed := !o.NoStrip && o.Keep != KeepEnd && strings.HasPrefix(c.Text, words[0]) && strings.HasSuffix(c.Text, words[len(words)-1])
	if trimmed {
		return c.StartLine == first && c.EndLine == last
	}
	return 1 <= c.StartLine && c.StartLine <= first && c.EndLine >= last
}

// TestLinesOfCopies shows lines where LangChain's start index misleads.
func TestLinesOfCopies(t *testing.T) {
	t.Parallel()
	type place struct {
		text              string
		index, start, end int
	}
	for _, c := range []struct {
		name string
		opts Options
		text string
		want []place
	}{
		{
			"separators collapsed: not in the source",
			Options{Kind: Character, ChunkSize: 6},
			"a\n\n\n\nb\n\nccccc",
			[]place{{"a\n\nb", -1, 1, 5}, {"ccccc", 8, 7, 7}},
		},
		{
			"after an unknown start the search begins anew: an earlier copy",
			Options{Kind: Character, ChunkSize: 5, Separators: []string{"\n"}},
			"x\n\nycc\ncc",
			[]place{{"x\nycc", -1, 1, 3}, {"cc", 4, 4, 4}},
		},
		{
			"strip moves over blank lines",
			Options{Kind: Character, ChunkSize: 9, Separators: []string{"|"}},
			"\n\n a \n|\n\nbbbbbbb\n",
			[]place{{"a", 3, 3, 3}, {"bbbbbbb", 9, 6, 6}},
		},
		{
			"no strip: the line break belongs to the line it ends",
			Options{Kind: Character, ChunkSize: 3, Separators: []string{"\n"}, Keep: KeepStart, NoStrip: true},
			"ab\ncd\nef",
			[]place{{"ab", 0, 1, 1}, {"\ncd", 2, 1, 2}, {"\nef", 5, 2, 3}},
		},
		{
			"the expression's own text at the end of a chunk",
			Options{Kind: Character, ChunkSize: 9, Separators: []string{`\n+(?=(b))`}, Regex: true},
			"a\n\nb",
			[]place{{"a", 0, 1, 1}, {"b", 3, 3, 3}, {"b", -1, 3, 3}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got []place
			for _, chunk := range mustSplit(t, c.opts, c.text).Chunks {
				got = append(got, place{chunk.Text, chunk.StartIndex, chunk.StartLine, chunk.EndLine})
			}
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(place{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestFinderIndex compares the suffix array with plain scanning.
func TestFinderIndex(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var b strings.Builder
		for range rnd.IntN(50) {
			b.WriteString([]string{"a", "b", "é", "\n"}[rnd.IntN(4)])
		}
		text := b.String()
		indexed := &finder{text: text, budget: -1}
		for range 20 {
			s := []string{"a", "ab", "é", "ba\n", "aa", "zz"}[rnd.IntN(6)]
			from := rnd.IntN(len(text) + 1)
			want := strings.Index(text[from:], s)
			if want >= 0 {
				want += from
			}
			if got := indexed.after(s, from); got != want {
				t.Fatalf("%q in %q from %d: %d, want %d", s, text, from, got, want)
			}
		}
	}
}

// TestFinderBudget shows that the index takes over, with the same answers.
func TestFinderBudget(t *testing.T) {
	t.Parallel()
	text := prose(1 << 17)
	cuts, _, err := (&Splitter{
		opts:       Options{Kind: Character, ChunkSize: 400, Keep: KeepNone},
		separators: []separator{{text: "\n\n"}},
	}).cut(text)
	if err != nil {
		t.Fatal(err)
	}
	f := newFinder(text)
	missing := 0
	for _, c := range cuts {
		want := strings.Index(text, c.text)
		if want < 0 {
			missing++
		}
		if got := f.after(c.text, 0); got != want {
			t.Fatalf("%q at %d, want %d", c.text, got, want)
		}
	}
	if f.index == nil || missing == 0 {
		t.Errorf("%d of %d cuts are missing, index in use: %v", missing, len(cuts), f.index != nil)
	}
}

func TestRuler(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "abc", strings.Repeat("aé𝔘", 500), "a\xffé\xc3", strings.Repeat("\xff", 300)} {
		r := newRuler(text)
		n := 0
		for offset := range text {
			if got := r.byteOf(n); got != offset {
				t.Fatalf("code point %d of %.20q is at %d, want %d", n, text, got, offset)
			}
			if got := r.runeOf(offset); got != n {
				t.Fatalf("byte %d of %.20q is code point %d, want %d", offset, text, got, n)
			}
			n++
		}
		if got := r.byteOf(n + 1000); got != len(text) {
			t.Errorf("past the end of %.20q: %d", text, got)
		}
		if got := r.runeOf(len(text)); got != utf8.RuneCountInString(text) {
			t.Errorf("the end of %.20q is code point %d", text, got)
		}
		if got := r.runeOf(-1); got != -1 {
			t.Errorf("-1 became %d", got)
		}
	}
}
