package cmd

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rivo/uniseg"
)

func TestSnippet(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		width      int
		want       []string
	}{
		{"one line", "a short\n\n text", 20, []string{"a short text"}},
		{"broken at blanks", "one two three four", 9, []string{"one two", "three", "four"}},
		{"cut after four lines", "a b c d e f", 1, []string{"a", "b", "c", "d …"}},
		{"a long word", "ab abcdefgh cd", 4, []string{"ab", "abcd", "efgh", "cd"}},
		{"wide characters", "日本語の文章", 4, []string{"日本", "語の", "文章"}},
		{"narrower than a character", "日本", 1, []string{"日", "本"}},
		{"an accent stays with its letter", "e\u0301e\u0301e\u0301", 2, []string{"e\u0301e\u0301", "e\u0301"}},
		{"escape sequences", "a\x1b[31mb\x07\u202e", 20, []string{"a\ufffd[31mb\ufffd\ufffd"}},
		{"nothing", " \n", 5, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, snippet(tt.text, tt.width)); diff != "" {
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
	f.Fuzz(func(t *testing.T, text string, width int) {
		width = 1 + width&63
		lines := wrap(text, width, len(text)+1)
		if got, want := strings.Join(lines, ""), strings.Join(strings.Fields(text), ""); strings.ReplaceAll(got, " ", "") != want {
			t.Errorf("%q became %q", want, got)
		}
		for _, l := range lines {
			if uniseg.StringWidth(l) > width && uniseg.GraphemeClusterCount(l) > 1 {
				t.Errorf("%q is wider than %d", l, width)
			}
		}
	})
}
