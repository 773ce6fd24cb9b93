package words_test

import (
	"testing"

	"sheaf/internal/words"
)

func TestQuery(t *testing.T) {
	t.Parallel()
	for text, identifiers := range map[string]string{
		"":                                       "",
		"how do I open it":                       ".....",
		"open max_open_files open":               ".xxxx.", // the word and its parts
		"std::vector of x.y":                     "xxx.xxx",
		"the --dry-run flag":                     ".xxx.",
		"error E0425 in 2024":                    ".x.x",
		"call f()":                               ".x",
		"parseHeader, HTTP2 and NATO e.g. this.": "xxxx" + "x" + ".." + "xxx" + ".",
		"\xff\t ÜberGroß":                        "x",
	} {
		var tokenizer words.Tokenizer
		q := tokenizer.Query(text)
		got := ""
		for _, is := range q.Identifiers {
			got += map[bool]string{true: "x", false: "."}[is]
		}
		if got != identifiers || len(q.Terms) != len(got) {
			t.Errorf("%q: %q, want %q", text, got, identifiers)
		}
	}
}
