package words_test

import (
	"errors"
	"strings"
	"testing"

	"sheaf/internal/words"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		query, text string
		conditional bool
	}{
		{`the tide comes in`, `the tide comes in`, false},
		{`  two  blanks `, `  two  blanks `, false}, // as typed
		{`"the tide"  comes`, `the tide comes`, true},
		{`tide -moon`, `tide`, true},
		{`tide -"the moon" -“the sun”`, `tide`, true},
		{`“smart quotes” „unten“ «guillemets»`, `smart quotes unten guillemets`, true},
		{`a "b", c`, `a b , c`, true},
		{`5" disks and 3" ones`, `5" disks and 3" ones`, false}, // no quote begins within a word
		{`say "hello`, `say "hello`, false},
		{`"un"closed`, `"un"closed`, false},
		{`"" and "?!"`, `"" and "?!"`, false},
		{`-"" --dry-run - -`, `-"" --dry-run - -`, false},
		{`state-of-the-art`, `state-of-the-art`, false},
		{`-dry-run flag`, `flag`, true},
		{`東京 -大阪 "京都"`, `東京 京都`, true},
	} {
		asked, err := words.Parse(test.query)
		if err != nil || asked.Text != test.text || (asked.Condition != nil) != test.conditional {
			t.Errorf("%s: %q, %v, %v", test.query, asked.Text, asked.Condition, err)
		}
	}
	for _, query := range []string{`-moon`, `-"the moon" -sun`, ` -2024`} {
		if _, err := words.Parse(query); !errors.Is(err, words.ErrOnlyExcludes) {
			t.Errorf("%s: %v", query, err)
		}
	}
}

func TestConditionHolds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		query, text string
		want        bool
	}{
		{`"the tide"`, "So THE\n\ttide comes.", true},
		{`"the tide"`, "the tides", false}, // a passage is not stemmed
		{`"the tide"`, "the low tide", false},
		{`"he tide"`, "the tide", false},
		{`"cafe"`, "Das Café", true},
		{`"café"`, "CAFE", true},
		{`"file not found"`, "error:file not found!", true},
		{`"error: file"`, "error file", false}, // marks count
		{`"dry-run"`, "with --dry-run", true},
		{`"dry run"`, "with --dry-run", false},
		{`"C++"`, "in C, or in C++.", true},
		{`"C++"`, "in C", false},
		{`"parseHTTPHeader"`, "PARSEhttpHeader()", true},
		{`"http"`, "parseHTTPHeader", false},
		{`"open"`, "max_open_files", false},
		{`"don"`, "don't", false},
		{`"eau"`, "l'eau", true},
		{`"l’eau"`, "de l'eau", true},
		{`"eau"`, "x l'eau'x", false},
		{`"été"`, "l’été", true},
		{`x -eau`, "l'eau", false},
		{`"quoted"`, "'quoted'", true},
		{`"it’s"`, "it's", true},
		{`"Größe"`, "die größe", true},
		{`"京都"`, "東京都", true},
		{`"東京都"`, "東京 京都", false},
		{`"猫"`, "黒猫です", true},
		{`"10㎏"`, "max 10㎏", true},
		{`"10㎏"`, "max 10kg", true},
		{`"½"`, "0 ½", true},
		{`"0京000のﾃ"`, "0京000のﾃ0", true},
		{"\"0\u302e00\"", "0\u302e00", true},
		{`"000"`, "ʵ0'000", false},
		{"\"ﾃ\ufb1eｰ\"", "0ﾃ\ufb1eｰ", true},
		{"\"デ\u200dー\"", "デ\u200dー", true},
		{`"eau"`, "dans “l'eau”", true},
		{`"eau"`, "l'eau—ici", true},
		{`"eau"`, "l'eauè", false},
		{`"猫"`, "犬です", false},
		{`"データ"`, "ﾃﾞｰﾀ", true},
		{`"one" "two"`, "two, one", true},
		{`"one" "two"`, "one", false},
		{`"two"`, "two two-fold", true},
		{`"fold two"`, "two-fold two", true},

		{`x -tide`, "tides", false}, // a word is stemmed
		{`x -tide`, "untied", true},
		{`x -"tide"`, "tides", true},
		{`x -"the tide"`, "the tide", false},
		{`x -"the tide"`, "the low tide", true},
		{`x -dry-run`, "--dry-run", false},
		{`x -dry-run`, "a dry run", true},
		{`x -C++,`, "C", true},
		{`x -C++,`, "C++", false},
		{`x -max_open`, "max open", true},
		{`x -2024`, "in 2024", false},
		{`x -東京都`, "東京 京都", true},
		{`x -東京都`, "東京都", false},
		{`x -猫`, "黒猫です", false},
		{`x -猫`, "犬です", true},
	} {
		asked, err := words.Parse(test.query)
		if err != nil || asked.Condition == nil {
			t.Fatalf("%s: %v", test.query, err)
		}
		if got := asked.Condition.Holds(new(words.Tokenizer), test.text); got != test.want {
			t.Errorf("%s holds for %q: %t", test.query, test.text, got)
		}
	}
}

func TestConditionLiteral(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]bool{`a -b`: false, `a "b"`: true, `a -"b"`: true, `a -b-c`: true, `a -猫`: true} {
		asked, err := words.Parse(query)
		if err != nil || asked.Condition.Literal() != want {
			t.Errorf("%s: %+v, %v", query, asked, err)
		}
	}
}

// Of a passage that occurs in a text, what is certain are terms of the text. Left out
// are letters such as ß, of which some spellings have other terms than others.
func FuzzParse(f *testing.F) {
	f.Add("So the tide comes in: max_open_files, --dry-run.", uint8(3), uint8(11))
	f.Add("東京都のﾃﾞｰﾀ und Größe-x", uint8(0), uint8(20))
	f.Add("it’s 'quoted' parseHTTPHeader", uint8(0), uint8(12))
	f.Add("a'bcd'e l'eau d’été", uint8(2), uint8(5))
	f.Add("0㎃0", uint8(0), uint8(9))
	f.Add("0 ½", uint8(2), uint8(9))
	f.Add("0京000のﾃ0", uint8(0), uint8(13))
	f.Fuzz(func(t *testing.T, text string, from, length uint8) {
		if !strings.ContainsAny(text, `"“”„«»`) && !words.Expands(text) {
			i := min(int(from), len(text))
			passage := text[i:min(i+int(length), len(text))]
			asked, err := words.Parse(`"` + passage + `"`)
			if err != nil {
				t.Fatal(err)
			}
			if asked.Condition != nil && words.Occurs(text, passage) && !asked.Condition.Holds(new(words.Tokenizer), text) {
				t.Errorf("%q is not found in %q", passage, text)
			}
		}
		if asked, err := words.Parse(text); err == nil && asked.Condition == nil && asked.Text != text {
			t.Errorf("%q became %q", text, asked.Text)
		}
	})
}
