package embed

import (
	"slices"
	"strings"
	"testing"
)

func TestMostlyUnknown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"":                 false,
		"plain text, 1234": false,
		"12 % — “…” ☃ 😀":   false,
		"съешь же ещё":     false,
		"東京は日本の首都です — データベース (Tokyo)": false,
		"한국어, العربية, ภาษาไทย":       false,
		"the word λόγος": false,
		"λόγος word":     true,
		"नमस्ते दुनिया":  true,
		"שלום עולם":      true,
		"\xff\xfe":       false,
	} {
		if got := mostlyUnknown(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// TestForeignNotice says once that texts are foreign to a model, and only where they are.
func TestForeignNotice(t *testing.T) {
	t.Parallel()
	const (
		english = "The store is one directory that holds everything, and it can be copied, packed or mounted."
		german  = "Der Speicher ist ein Verzeichnis, und er kann kopiert, gepackt oder eingebunden werden."
		names   = "Mühlenhoff, Aïssi, Łukasz, Núñez"
	)
	for _, c := range []struct {
		model string
		texts []string
		want  string // notice
	}{
		{"", []string{english, "", "x := 1", "12:30 INFO started"}, ""},
		{"", []string{german, german}, "is English"},
		{"", []string{"съешь же ещё этих мягких булок"}, "--embedder builtin:multilingual"},
		{"", []string{"その朝、港町はゆっくりと目を覚まし"}, "is English"},
		{"", []string{english, english, names, english}, ""},
		{"", slices.Concat(slices.Repeat([]string{english}, 45), slices.Repeat([]string{german}, 5)), "is English"},
		{"", slices.Concat(slices.Repeat([]string{english}, 46), slices.Repeat([]string{german}, 5)), ""},
		{"", slices.Concat(slices.Repeat([]string{english}, 30), slices.Repeat([]string{german}, 4)), ""},
		{Multilingual, []string{english, german, "その朝、港町", "съешь же ещё"}, ""},
		{Multilingual, []string{"शुभ प्रभात", "नमस्ते दुनिया"}, "no language of this script"},
	} {
		var notices []string
		e := newTestBuiltin(t, c.model, Options{Notice: func(text string) { notices = append(notices, text) }})
		if _, err := e.Embed(t.Context(), c.texts); err != nil {
			t.Fatal(err)
		}
		if len(notices) > 1 || (len(notices) == 1) != (c.want != "") || !strings.Contains(strings.Join(notices, ""), c.want) {
			t.Errorf("%s, %q: %q, want %q", e.Identity(), c.texts, notices, c.want)
		}
	}
}
