package words_test

import (
	"slices"
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

// Stop words are those of prose: within what looks like an identifier they count as any part of it.
func TestQueryStopWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"Wo ist das Rad":   {"Wo", "ist", "das"},
		"猫はどこですか":          {"どこ", "です", "すか"},
		"is_in the on.off": {"the"},
		"IT und it":        {"IT", "und", "it"}, // terms of the same letters are one
		"IT und OR":        {"und"},
		"tide tables":      nil,
	} {
		var tokenizer words.Tokenizer
		q := tokenizer.Query(text)
		var got []string
		for i, term := range q.Terms {
			if q.StopWords[term] {
				got = append(got, q.Words[i])
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// A single character of a query stands for all terms that begin with it, and no other term does.
func TestSingle(t *testing.T) {
	t.Parallel()
	var tokenizer words.Tokenizer
	const text = "黒猫です 猫 ﾈｺ the neko"
	for query, want := range map[string][]string{"猫": {"猫", "猫"}, "で": {"で"}, "黒": {"黒"}, "コ": {"ﾈｺ"}, "ー": nil, "黒猫": nil, "neko": nil} {
		term := tokenizer.Query(query).Terms[0]
		var got []string
		for _, token := range tokenizer.Append(nil, text) {
			first, ok := token.First(text)
			within := token.Term >= term && token.Term <= words.Last(term)
			if single := words.Single(term) != 0; within != (single && ok && first.Term == term) && single {
				t.Errorf("%s: %q is %+v", query, text[token.Start:token.End], first)
			} else if single && within {
				got = append(got, text[first.Start:first.End])
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	if q := tokenizer.Query("猫"); words.Single(q.Terms[0]) != '猫' {
		t.Errorf("%q", words.Single(q.Terms[0]))
	}
}
