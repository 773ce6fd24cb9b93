package splitter

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzSplit checks what holds for all chunks of literal separators.
func FuzzSplit(f *testing.F) {
	f.Add("a\n\nb\n\n\n\nc", "\n\n", uint8(0), uint8(4), uint8(2))
	f.Add("a b  c é𝔘", " ", uint8(3), uint8(3), uint8(3))
	f.Add("", "", uint8(7), uint8(1), uint8(0))
	f.Add("\xff\xfe a\x00", "", uint8(1), uint8(2), uint8(1))
	f.Add("# a\n\n```\n  x\n```\n## b\n", "\n", uint8(2), uint8(5), uint8(0))
	f.Fuzz(func(t *testing.T, text, sep string, mode, size, overlap uint8) {
		o := Options{
			Kind:       []Kind{Character, Recursive, Markdown, None}[mode%4],
			Keep:       []Keep{KeepNone, KeepStart, KeepEnd}[mode/4%3],
			NoStrip:    mode/16%2 == 1,
			Separators: []string{sep},
			ChunkSize:  max(1, int(size)),
		}
		o.ChunkOverlap = min(int(overlap), o.ChunkSize)
		s, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Split(text)
		if err != nil {
			t.Fatal(err)
		}
		checkChunks(t, o, text, r.Chunks)
	})
}

func checkChunks(t *testing.T, o Options, text string, chunks []Chunk) {
	t.Helper()
	last := strings.Count(text, "\n") + 1
	ruler := newRuler(text)
	for _, c := range chunks {
		if c.Text == "" || c.StartLine < 1 || c.EndLine < c.StartLine || c.EndLine > last {
			t.Fatalf("chunk %+v of %q", c, text)
		}
		if c.StartIndex >= 0 && !strings.HasPrefix(text[ruler.byteOf(c.StartIndex):], c.Text) {
			t.Fatalf("chunk %+v is not there in %q", c, text)
		}
		if o.Separators[0] == "" && (o.Kind == Character || o.Kind == Recursive) && utf8.RuneCountInString(c.Text) > o.ChunkSize {
			t.Fatalf("chunk %q is longer than %d", c.Text, o.ChunkSize)
		}
	}
	if o.Kind != Markdown && o.NoStrip && o.ChunkOverlap == 0 && (o.Keep != KeepNone || o.Separators[0] == "") || o.Kind == None {
		if joined := strings.Join(texts(chunks), ""); joined != text {
			t.Fatalf("chunks join to %q, not %q", joined, text)
		}
	}
	if o.Kind == Character || o.Kind == Recursive {
		checkCoverage(t, o.Separators[0], text, chunks)
	}
}

// checkCoverage: outside of separators and white space, nothing is lost.
func checkCoverage(t *testing.T, sep, text string, chunks []Chunk) {
	t.Helper()
	var all strings.Builder
	for _, c := range chunks {
		all.WriteString(c.Text + "\n") // apart: bytes of two chunks may make a code point
	}
	kept := letters(all.String())
	for r, count := range letters(text) {
		if !strings.ContainsRune(sep, r) && kept[r] < count {
			t.Fatalf("%q of %q is lost: %q", r, text, texts(chunks))
		}
	}
}

func letters(s string) map[rune]int {
	counts := map[rune]int{}
	for _, r := range s {
		if !isSpace(r) {
			counts[r]++
		}
	}
	return counts
}

// FuzzPattern checks that what Python's syntax allows is translated to
// something that compiles, and that splitting by it loses nothing.
func FuzzPattern(f *testing.F) {
	for _, seed := range []string{
		`\s+`, `(?<=\.)\s`, `(?i)x|y`, `[^\W\d_]+`, `(a)(?P<b>b)?\1(?(2)c|d)`, `a{,3}+`, `(?x) a # b`, `\b`, `(`, `[]-a]`, `\400`, `(?s-i:.)`,
	} {
		f.Add(seed, "aXb c.d\ne٣é")
	}
	f.Fuzz(func(t *testing.T, source, text string) {
		if len(source) > 40 || len(text) > 40 {
			return // long ones only take time
		}
		p, err := compile(source)
		if err != nil {
			return
		}
		p.limit(100 * time.Millisecond)
		parts, err := p.split(text)
		if err != nil {
			return
		}
		if parts[0].lo != 0 || parts[len(parts)-1].hi != len(text) {
			t.Fatalf("%q splits %q into %v", source, text, parts)
		}
		for _, part := range parts {
			if part.found() && (part.lo > part.hi || part.hi > len(text)) {
				t.Fatalf("%q splits %q into %v", source, text, parts)
			}
		}
	})
}

func FuzzUnescape(f *testing.F) {
	f.Add(`a\n\\`)
	f.Add(`\`)
	f.Fuzz(func(t *testing.T, s string) {
		escape := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\t", `\t`, "\r", `\r`)
		got, err := Unescape(escape.Replace(s))
		if err != nil || got != s {
			t.Fatalf("%q came back as %q, %v", s, got, err)
		}
		if plain, err := Unescape(s); err == nil && len(plain) > len(s) {
			t.Fatalf("%q grew to %q", s, plain)
		}
	})
}
