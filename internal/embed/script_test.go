package embed

import (
	"strings"
	"testing"
)

func TestMostlyForeign(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"":                                     false,
		"plain text, 1234":                     false,
		"12 % — “…” ☃ 😀":                       false,
		"école, naïve, Ærø, Łódź":              false,
		"съешь же ещё":                         true,
		"東京 is the capital of Japan":           false,
		"東京は日本の首都です (Tokyo)":                   true,
		"the word λόγος":                       false,
		"λόγος word":                           true,
		strings.Repeat("é", 10) + "日本語":        false,
		"\xff\xfe":                             false,
		"नमस्ते दुनिया":                        true,
		"ＡＢＣ full-width letters are Latin too": false,
	} {
		if got := mostlyForeign(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
