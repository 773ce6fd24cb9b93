package cmd

import (
	"bufio"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rivo/uniseg"
	"github.com/spf13/pflag"
)

func TestRows(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		width      int
		want       []string
	}{
		{"one line", "a short text", 20, []string{"a short text"}},
		{"lines stay lines", "- one\n- two\n", 20, []string{"- one", "- two"}},
		{"empty lines", "\n\na\n \n\nb\n\n", 20, []string{"a", "", "b"}},
		{"broken at blanks", "one two three four", 9, []string{"one two", "three", "four"}},
		{"blanks inside stay", "| a  |  b |", 20, []string{"| a  |  b |"}},
		{"a break drops the blanks", "one    two", 5, []string{"one", "two"}},
		{"a long word", "ab abcdefgh cd", 4, []string{"ab", "abcd", "efgh", "cd"}},
		{"no break behind dashes", "give --text", 8, []string{"give", "--text"}},
		{"punctuation stays with a wide character", "これは。はい", 6, []string{"これ", "は。は", "い"}},
		{"indented", "if x:\n    return y or z", 14, []string{"if x:", "    return y", "    or z"}},
		{"a tab is four columns", "\tab cd", 8, []string{"    ab", "    cd"}},
		{"indented by more than half", "          ab cd", 8, []string{"    ab", "    cd"}},
		{"wide characters", "日本語の文章", 4, []string{"日本", "語の", "文章"}},
		{"narrower than a character", "日本", 1, []string{"日", "本"}},
		{"an accent stays with its letter", "e\u0301e\u0301e\u0301", 2, []string{"e\u0301e\u0301", "e\u0301"}},
		{"escape sequences", "a\x1b[31mb\x07\u202e", 20, []string{"a\ufffd[31mb\ufffd\ufffd"}},
		{"they have a width", "\x1b\x1b\x1b\x1b", 2, []string{"\ufffd\ufffd", "\ufffd\ufffd"}},
		{"nothing", " \n", 5, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, wrap(tt.text, tt.width)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Nothing but blanks is lost or added by wrapping, and no line is too long
// unless a single character is.
func FuzzWrap(f *testing.F) {
	f.Add("one two three", 5)
	f.Add("日本語の文章 and e\u0301", 3)
	f.Add("0\v0\f0", 1)
	f.Add("\tif x:\n\t\treturn\r\n", 7)
	f.Fuzz(func(t *testing.T, text string, width int) {
		width = 1 + width&63
		lines := wrap(text, width)
		got, want := strings.Join(lines, ""), strings.Join(strings.Fields(text), "")
		if strings.Join(strings.Fields(got), "") != visible(want) {
			t.Errorf("%q became %q", want, got)
		}
		for _, l := range lines {
			if uniseg.StringWidth(l) > width && uniseg.GraphemeClusterCount(strings.TrimLeft(l, " ")) > 1 {
				t.Errorf("%q is wider than %d", l, width)
			}
		}
	})
}

// A setting that has no value shows where it comes from in the place of the value.
func TestSettingsOnATerminal(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]configured{
		"mode                 words  SHEAF_MODE\n": {"mode", "words", "SHEAF_MODE"},
		"rpm                  default\n":           {"rpm", "", "default"},
	} {
		var b strings.Builder
		p := &printer{Writer: bufio.NewWriter(&b)}
		c.table(p)
		if p.Flush(); b.String() != want {
			t.Errorf("%q, want %q", &b, want)
		}
	}
}

// No word of a help text is longer than its column: terminals would break it anywhere.
func TestHelpBreaksAtBlanks(t *testing.T) {
	t.Parallel()
	for _, c := range commands(Command()) {
		own, service := parted(c.LocalFlags())
		for _, flags := range []*pflag.FlagSet{own, service, c.InheritedFlags()} {
			for line := range strings.Lines(flags.FlagUsagesWrapped(fallbackWidth)) {
				if n := uniseg.StringWidth(strings.TrimRight(line, "\n")); n > fallbackWidth {
					t.Errorf("%s: %d columns: %s", c.CommandPath(), n, line)
				}
			}
		}
	}
}
