package words_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/cases"

	"sheaf/internal/words"
)

// tokens are the terms of a text with the places they came from: "text=term", or
// "text" where the text is its own term.
func TestAppend(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{" \t\n .,;!?()[]{}<>\"` -- ... ___ '' 'n", "n"},
		{"The cats were running.", "The=the cats=cat were running=run"},
		{"Relational DATABASES, rationally", "Relational=relat DATABASES=databas rationally=ration"},
		{"it's John's dogs' don't", "it's=it John's=john dogs=dog don't"},
		{"it’s don’t ‘quoted’", "it’s=it don’t=don't quoted=quot"},
		{"l'eau d’Usines jusqu'à", "eau d’Usines=usin jusqu'à=jusqu'a"},
		{"l’été dell'arte's l'-x o'clock y'all", "l’été=ete arte's=art l x l'-x clock all"},

		{"parseHTTPHeader", "parseHTTPHeader=parsehttpheader parseHTTPHeader=parsehttphead parse=pars HTTP=http Header=header"},
		{"URLs iPhone McDonald", "URLs=urls URLs=url iPhone=iphone iPhone=iphon i Phone=phone McDonald=mcdonald Mc=mc Donald=donald"},
		{"max_open_files", "max_open_files max open files=file"},
		{"__init__ _x MAX_SIZE", "__init__ init _x x MAX_SIZE=max_size MAX=max SIZE=size"},
		{"E0425 sha256 base64Encoder 1984", "E0425=e0425 sha256 base64Encoder=base64encoder base64 Encoder=encod 1984"},
		{"v1.2.3, 3.14.", "v1 2 3 v1.2.3 3 14 3.14"},
		{"(/usr/local/lib)", "usr local lib /usr/local/lib"},
		{"--dry-run=yes -v -", "dry=dri run --dry-run yes v -v"},
		{"std::vector<int> C++ c# @user #12", "std vector std::vector int C=c C++=c++ c c# user @user 12 #12"},
		{"a.go: end.", "a go a.go end"},
		{`C:\temp\x me@example.com`, `C=c temp x C:\temp\x=c:\temp\x me example=exampl com me@example.com`},

		{"Café naïve CAFE\u0301 ﬁles Ｆｕｌｌ", "Café=cafe naïve=naiv CAFE\u0301=cafe ﬁles=file Ｆｕｌｌ=full"},
		{"Straße STRASSE", "Straße=strasse STRASSE=strass"},
		{"ΑΘΉΝΑ Ёлка ёлка", "ΑΘΉΝΑ=αθηνα Ёлка=елка ёлка=елка"},
		{"schön—gut „fest“", "schön=schon gut fest"},
		{"über-groß", "über=uber groß=gross über-groß=uber-gross"},
		{"größe.x.y", "größe=grosse x y größe.x.y=grosse.x.y"},
		{"--größe", "größe=grosse --größe=--grosse"},
		{"שָׁלוֹם مُحَمَّد हिन्दी", "שָׁלוֹם=שלום مُحَمَّد=محمد हिन्दी"},

		{"日本語 猫", "日本 本語 語 猫"},
		{"吾輩は猫である。名前", "吾輩 輩は は猫 猫で であ ある る 名前 前"},
		{"データベースDB", "デー ータ タベ ベー ース ス DB=db"},
		{"ﾃﾞｰﾀ", "ﾃﾞｰﾀ=デー ﾃﾞｰﾀ=ータ ﾃﾞｰﾀ=タ"},
		{"한국어 ไทย", "한국 국어 어 ไท ทย ย"},
		{"使用max_open_files参数", "使用 用 max_open_files max open files=file 参数 数"},
		{"bad\xffbytes\xc3", "bad bytes=byte"},
		{"soft\u00adhyphen", "soft\u00adhyphen=softhyphen"},
	} {
		var tokenizer words.Tokenizer
		want := strings.Fields(test.want)
		var got []string
		for i, token := range tokenizer.Append(nil, test.text) {
			text := test.text[token.Start:token.End]
			_, stem, differs := strings.Cut(at(want, i), "=")
			if !differs {
				stem = text
			}
			if token.Term != words.Term(stem) {
				stem = "?"
			}
			if stem != text {
				text += "=" + stem
			}
			got = append(got, text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q:\n got %q\nwant %q", test.text, got, want)
		}
	}
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

// What is written in different ways and means the same has the same terms.
func TestAlike(t *testing.T) {
	t.Parallel()
	for _, alike := range [][]string{
		{"running shoes", "Runs SHOE", "  run—shoes."},
		{"café", "cafe\u0301", "CAFE", "cafe"},
		{"don't", "don’t", "DON'T"},
		{"データ", "ﾃﾞｰﾀ", "テ\u3099ータ"},
		{"한국", "\u1112\u1161\u11ab\u1100\u116e\u11a8"},
		{"ΣΊΣΥΦΟΣ", "σίσυφος"},
	} {
		for _, text := range alike[1:] {
			if !slices.Equal(terms(alike[0]), terms(text)) {
				t.Errorf("%q and %q have other terms", alike[0], text)
			}
		}
	}
}

// Case is folded as golang.org/x/text/cases does, whose tables are made before main, except
// for Cherokee, where that exchanges small letters and capitals.
func TestCaseless(t *testing.T) {
	t.Parallel()
	library := cases.Fold()
	for r := range unicode.MaxRune + 1 {
		folded := words.Fold(string(r))
		got, want := words.Caseless(folded), library.String(folded)
		if unicode.Is(unicode.Cherokee, r) {
			want = strings.ToLower(folded)
		}
		if got != want {
			t.Errorf("%U is %q, want %q", r, got, want)
		}
	}
}

// terms are the terms of a text, by a tokenizer that has seen nothing else.
func terms(text string) (terms []uint64) {
	var tokenizer words.Tokenizer
	for _, token := range tokenizer.Append(nil, text) {
		terms = append(terms, token.Term)
	}
	return terms
}

// Any text has tokens within it, the same ones wherever it stands and whatever the
// tokenizer has seen before.
func FuzzAppend(f *testing.F) {
	for _, text := range []string{prose, japanese, russian, "--größe parseHTTPHeader ﾃﾞｰﾀ ไทย E0425 a_b' \xff\u0301"} {
		f.Add(text)
	}
	var used words.Tokenizer
	f.Fuzz(func(t *testing.T, text string) {
		want := terms(text)
		const before = "before "
		tokens := used.Append(nil, before+text)[1:]
		if len(tokens) != len(want) {
			t.Fatalf("%d tokens, %d alone", len(tokens), len(want))
		}
		for i, token := range tokens {
			if token.Term != want[i] || token.Term >= 1<<words.TermBits {
				t.Errorf("term %d is %#x, alone %#x", i, token.Term, want[i])
			}
			if token.Start < len(before) || token.Start >= token.End || token.End > len(before)+len(text) {
				t.Errorf("token %d from %d to %d of %d bytes", i, token.Start, token.End, len(before)+len(text))
			}
		}
	})
}
