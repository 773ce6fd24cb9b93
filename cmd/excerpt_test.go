package cmd

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/provider"
)

// Where no word of the query occurs, the lines nearest in meaning are shown.
func TestPassageByMeaning(t *testing.T) {
	t.Parallel()
	e, err := provider.New("builtin", embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	asked, err := embed.Vectors(t.Context(), e, []string{"ocean rising"})
	if err != nil {
		t.Fatal(err)
	}
	const tides = "At the coast, water comes and goes with the tide."
	for _, tt := range []struct {
		before, lines int
		want          string
	}{
		{20, 1, " … " + tides + " …\n\n"},
		{20, 3, " … Invoices are paid within thirty days.\n\n   " + tides + "\n\n   None.\n\n"}, // empty lines do not count
		{0, 3, "   " + tides + "\n\n   None.\n\n"},
		{2000, 4, ""}, // not all of a long text is looked at
	} {
		var b bytes.Buffer
		p := &printer{Writer: bufio.NewWriter(&b), width: 80, lines: tt.lines, marker: newMarker("ocean rising", nil)}
		p.near = func(passages []string) int {
			if len(passages) > mostPassages+1 {
				t.Errorf("%d passages are embedded", len(passages))
			}
			return nearestPassage(t.Context(), e, asked[0], passages)
		}
		p.passage(strings.Repeat("Invoices are paid within thirty days.\n\n", tt.before) + tides + "\n\nNone.\n")
		if err := p.Flush(); err != nil || !strings.HasPrefix(b.String(), tt.want) || b.Len() == 0 {
			t.Errorf("%d lines: %q, want %q", tt.lines, b.String(), tt.want)
		}
	}
}

// Of a long text the lines around the best match are shown, by the weights of the words.
func TestPassage(t *testing.T) {
	t.Parallel()
	const code = "func a() {\n\treturn tide\n}\n\nfunc b() {\n\tmoon()\n\treturn the tides of the moon\n}\nfunc c() {\n}\n"
	weighed := []engine.WeighedWord{{Word: "moon", Weight: 4}, {Word: "tide", Weight: 3}, {Word: "the", Weight: .1}}
	tests := []struct {
		name, query, text string
		weighed           []engine.WeighedWord
		lines, width      int
		want              string
	}{
		{"the beginning", "", code, nil, 2, 40, "   func a() {\n       return tide …\n"},
		{"the best lines", "the tide moon", code, weighed, 3, 40,
			" … func b() {\n       *moon*()\n       return the *tides* of the *moon* …\n"},
		{"a line before what matches", "moon", code, weighed, 3, 40,
			" … func b() {\n       *moon*()\n       return the tides of the *moon* …\n"},
		{"no line of another paragraph", "moon", "over\n\nthe moon\nrises\nlate\n", weighed, 2, 40, " … the *moon*\n   rises …\n"},
		{"empty lines do not count", "moon", "the moon\n\nrises\n\nlate\n", weighed, 3, 40, "   the *moon*\n\n   rises\n\n   late\n"},
		{"all lines", "tide", code, weighed, 0, 40,
			"   func a() {\n       return *tide*\n   }\n\n   func b() {\n       moon()\n       return the *tides* of the moon\n   }\n   func c() {\n   }\n"},
		{"words without weights", "the tide", "the\ntide\n", nil, 4, 40, "   *the*\n   *tide*\n"},
		{"nothing matches", "stars", code, weighed, 1, 40, "   func a() { …\n"},
		{"a narrow terminal", "moon", "over the sea the moonlight, the moon and the tide", weighed, 2, 21,
			" … moonlight, the\n   *moon* and the …\n"},
		{"a match is broken", "abcdefghij", "abcdefghij", nil, 4, 10, "   *abcde*\n   *fghij*\n"},
		{"wide characters", "東京", "これは東京です", nil, 4, 40, "   これは*東京*です\n"},
		{"a single character", "猫", "黒猫です", nil, 4, 40, "   黒*猫*です\n"},
		{"escape sequences in a match", "tide", "\x1b[2J tide\x1b[0m", nil, 4, 40, "   \ufffd[2J *tide*\ufffd[0m\n"},
		{"of several places the best", "tide moon", strings.Repeat("tide\n", 9) + "moon\n", weighed, 2, 40, " … *tide*\n   *moon*\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			p := &printer{Writer: bufio.NewWriter(&b), color: true, width: tt.width, lines: tt.lines}
			if tt.query != "" {
				p.marker = newMarker(tt.query, tt.weighed)
			}
			p.passage(tt.text)
			if err := p.Flush(); err != nil {
				t.Fatal(err)
			}
			marked := strings.NewReplacer("\x1b[2m…\x1b[0m", "…", "\x1b[1m", "*", "\x1b[0m", "*").Replace(b.String())
			if marked != tt.want+"\n" {
				t.Errorf("got\n%s\nwant\n%s", marked, tt.want)
			}
		})
	}
}
