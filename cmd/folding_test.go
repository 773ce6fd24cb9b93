package cmd

import (
	"bufio"
	"strings"
	"testing"

	"sheaf/internal/eval"
)

func TestHeadingsBreakBetweenParts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		width int
		color bool
		want  string
	}{
		{80, false, "1  relevance 0.78  fused 13.06  notes/keys.md:3\n"},
		{40, false, "1  relevance 0.78  fused 13.06\n   notes/keys.md:3\n"},
		{40, true, "1  relevance \x1b[32m0.78\x1b[0m  fused 13.06\n   \x1b[36mnotes/keys.md:3\x1b[0m\n"},
		{24, false, "1  relevance 0.78\n   fused 13.06\n   notes/keys.md:3\n"},
		{5, false, "1\n   relevance 0.78\n   fused 13.06\n   notes/keys.md:3\n"}, // no part is broken
	} {
		var b strings.Builder
		p := &printer{Writer: bufio.NewWriter(&b), width: test.width, color: test.color}
		p.heading([]string{"1", "relevance " + p.styled(styleGreen, "0.78"), "fused 13.06"}, "notes/keys.md", 3)
		if p.Flush(); b.String() != test.want {
			t.Errorf("%d columns: got %q, want %q", test.width, &b, test.want)
		}
	}
}

func TestMessagesFoldAtBlanks(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"sheaf: error: opening store \"none\": no store here\n": "sheaf: error: opening store\n  \"none\": no store here\n",
		"sheaf: no problems\n":                                  "sheaf: no problems\n",
		"sheaf: delete 3 documents from \".sheaf\"? [y/N] ":     "sheaf: delete 3 documents from \".sheaf\"? [y/N] ",
		"a program's own line, which is not sheaf's to break\n": "a program's own line, which is not sheaf's to break\n",

		// What may be copied stays whole, and the terminal breaks it.
		"sheaf: hint: make one with sheaf ingest PATH, or name another with --store DIR\n":         "sheaf: hint: make one with\n  sheaf ingest PATH, or name\n  another with --store DIR\n",
		"sheaf: hint: sheaf list --sources shows their names\n":                                    "sheaf: hint:\n  sheaf list --sources shows their names\n",
		"sheaf: hint: quote them: --filter '{\"page\": {\"$gte\": 3}}', or not (--filter x=1)\n":   "sheaf: hint: quote them:\n  --filter '{\"page\": {\"$gte\": 3}}',\n  or not (--filter x=1)\n",
		"sheaf: failed: \"a name \\\" with blanks.txt\": the store's own file, which isn't read\n": "sheaf: failed:\n  \"a name \\\" with blanks.txt\":\n  the store's own file, which\n  isn't read\n",
		"sheaf: error: 猫が 見て いる猫 が見て いる\n":                                                         "sheaf: error: 猫が 見て いる猫\n  が見て いる\n",
	} {
		var b strings.Builder
		if n, err := (folding{&b, 30}).Write([]byte(text)); n != len(text) || err != nil || b.String() != want {
			t.Errorf("got %q, %d, %v, want %q", &b, n, err, want)
		}
	}
}

// A value that has no room beside its name goes on below, and a word of it stays whole.
func TestFieldsFoldAtBlanks(t *testing.T) {
	t.Parallel()
	for form, want := range map[form]string{
		formTable: "index  IndexFlat\n       (index.1.faiss)\nstore  /a/very/long/path/to.sheaf\n",
		formTSV:   "index  IndexFlat (index.1.faiss)\nstore  /a/very/long/path/to.sheaf\n",
	} {
		var b strings.Builder
		p := &printer{Writer: bufio.NewWriter(&b), width: 24, form: form}
		if err := p.fields(nil, []field{{"index", "IndexFlat (index.1.faiss)"}, {"store", "/a/very/long/path/to.sheaf"}}); err != nil {
			t.Fatal(err)
		}
		if p.Flush(); b.String() != want {
			t.Errorf("got %q, want %q", &b, want)
		}
	}
}

func TestHelpFitsTheTerminal(t *testing.T) {
	t.Parallel()
	const text = "Usage:\n  sheaf x [flags]\n\nFind what answers a text,\nbest first.\n\nExamples:\n  sheaf x --flag a long command to copy\n\nEXIT STATUS\n  0    done\n  2    wrong usage: an unknown flag\n"
	const want = "Usage:\n  sheaf x [flags]\n\nFind what answers a\ntext, best first.\n\nExamples:\n  sheaf x --flag a long command to copy\n\nEXIT STATUS\n  0    done\n" +
		"  2    wrong usage: an\n       unknown flag\n"
	if got := fitted(text, 24); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := fitted(text, 80); got != text {
		t.Errorf("at 80 columns got\n%s", got)
	}
	for _, c := range commands(Command()) {
		for line := range strings.Lines(fitted(c.Long+"\n", 40)) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 40 && !strings.HasPrefix(line, "  ") {
				t.Errorf("%s: %d columns: %s", c.CommandPath(), n, line)
			}
		}
	}
}

// TestSoftBreaksAreFilled: the lines of a paragraph of Markdown become one, everything else keeps its lines,
// and places in the text stay what they are.
func TestSoftBreaksAreFilled(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, source, want string }{
		{"One line\nand another.\n\nNext.\n", "a.md", "One line and another.\n\nNext.\n"},
		{"One line\nand another.\n", "a.txt", "One line\nand another.\n"},
		{"# Title\ntext\nmore\n", "a.MARKDOWN", "# Title\ntext more\n"},
		{"- one\n- two\n  goes on\n1. three\n2) four\n* five\n", "a.md", "- one\n- two\n  goes on\n1. three\n2) four\n* five\n"},
		{"in\n2024 and on\n", "a.md", "in 2024 and on\n"},
		{"| a | b |\n| - | - |\n> quoted\n<p>\n", "a.md", "| a | b |\n| - | - |\n> quoted\n<p>\n"},
		{"asked for  \nand \\\nhere\n", "a.md", "asked for  \nand \\\nhere\n"},
		{"Like this:\n```\na\nb\n```\nthen\nwords\n", "a.md", "Like this:\n```\na\nb\n```\nthen words\n"},
		{"x\ny\n```\na\nb\n", "a.md", "x\ny\n```\na\nb\n"},
		{"    code\n    more\n", "a.md", "    code\n    more\n"},
		{"", "a.md", ""},
	} {
		if got := filled(test.text, test.source); got != test.want || len(got) != len(test.text) {
			t.Errorf("%s: got %q, want %q", test.source, got, test.want)
		}
	}
}

func TestTuningFitsTheTerminal(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	p := &printer{Writer: bufio.NewWriter(&b), width: 40}
	r := &tuned{Tuning: &eval.Tuning{Tried: []eval.Tried{{}}, Effects: []eval.Effect{{Name: "mode", Best: "vector", Worst: "words"}}}}
	p.tuning(r)
	p.Flush()
	_, prose, _ := strings.Cut(b.String(), "\n\n")
	if !strings.Contains(b.String(), "\nmode: vector and words cannot be told\n  apart, ") {
		t.Errorf("not folded: %s", &b)
	}
	for line := range strings.Lines(prose) {
		if len(line) > 41 {
			t.Errorf("%d columns: %s", len(line)-1, line)
		}
	}
}
