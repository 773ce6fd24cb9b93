package unigram_test

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/unigram"
)

// charsmap returns a precompiled_charsmap with the rules from -> to.
func charsmap(t testing.TB, rules map[string]string) string {
	t.Helper()
	var keys []string
	texts := ""
	for from, to := range rules {
		keys = append(keys, make([]string, len(texts)-len(keys))...) // the value of a key is its index
		keys = append(keys, from)
		texts += to + "\x00"
	}
	trie, _, err := unigram.Build(keys, make([]float32, len(keys)))
	if err != nil {
		t.Fatal(err)
	}
	return string(binary.LittleEndian.AppendUint32(nil, uint32(len(trie)))) + trie + texts
}

// FuzzText checks what holds of every text: splitting ends, with ids of the model, which are the same
// without what is promised of it.
func FuzzText(f *testing.F) {
	d := modelData(f)
	tokenizer, slow := open(f, d), unpromised(f, d)
	for _, text := range []string{"", " ", "hello world", "\xff\xfe", "a\u0300 ﬁ ㍿ ｶﾞ", "▁▁", "日本語 テキスト", "\x00\x01", strings.Repeat("a", 300)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ids := tokenizer.Append(nil, text)
		if len(ids) > 40*len(text) {
			t.Fatalf("%d pieces of %d bytes", len(ids), len(text))
		}
		for i, id := range ids {
			if id < 0 || id >= 70_000 || id == unigram.Unknown && i > 0 && ids[i-1] == id {
				t.Fatalf("ids %v", ids)
			}
		}
		if want := slow.Append(nil, text); !slices.Equal(ids, want) {
			t.Fatalf("%v, want %v", ids, want)
		}
	})
}

// FuzzModel splits with models of a stranger's making: it must end, with ids that are pieces.
func FuzzModel(f *testing.F) {
	f.Add(charsmap(f, map[string]string{"A": "a"}), "▁a a b ▁ ab", float32(-1), "A abab c")
	f.Add("\x00\x00\x00\x00", "", float32(0), "text")
	f.Add("\x04\x00\x00\x00\x00\x01\x00\x00", "t e x", float32(math.NaN()), "text")
	f.Fuzz(func(t *testing.T, charsmap, list string, score float32, text string) {
		pieces := append([]string{""}, strings.Split(list, " ")...)
		scores := slices.Repeat([]float32{score}, len(pieces))
		trie, unitScores, err := unigram.Build(pieces, scores)
		if err == nil {
			var tokenizer *unigram.Tokenizer
			d := unigram.Data{Charsmap: charsmap, Trie: trie, Scores: unitScores, Least: score, Apart: apart(pieces, scores)}
			if tokenizer, err = unigram.Open(d); err == nil {
				ids := tokenizer.Append(nil, text)
				for _, again := range []*unigram.Tokenizer{tokenizer, unpromised(t, d)} {
					if got := again.Append(nil, text); !slices.Equal(got, ids) {
						t.Fatalf("%v, want %v", got, ids)
					}
				}
				for _, id := range ids {
					if id != unigram.Unknown && pieces[id] == "" {
						t.Fatalf("%q is split into piece %d of %q", text, id, pieces)
					}
				}
			}
		}
		if err != nil && !errors.Is(err, unigram.ErrModel) {
			t.Fatal(err)
		}
	})
}

// FuzzTrie finds every piece that a trie was built of, and no other.
func FuzzTrie(f *testing.F) {
	f.Add("a b ab abc 日本 日 本", "abc")
	f.Add("", "a")
	f.Add("a\x00 a\x00\x00 \x00", "a\x00")
	f.Fuzz(func(t *testing.T, list, text string) {
		pieces := append([]string{""}, strings.Split(list, " ")...)
		trie, _, err := unigram.Build(pieces, make([]float32, len(pieces)))
		if err != nil {
			if !errors.Is(err, unigram.ErrModel) {
				t.Fatal(err)
			}
			return
		}
		want, longest := 0, 0
		for id, piece := range pieces {
			if strings.HasPrefix(text, piece) && len(piece) > longest {
				want, longest = id, len(piece)
			}
		}
		if id, n := unigram.Longest(trie, text); n != longest || n > 0 && id != want {
			t.Fatalf("%q in %q: piece %d of %d bytes, want %d of %d", text, pieces, id, n, want, longest)
		}
	})
}
