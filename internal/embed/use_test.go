package embed_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/embed"
	"sheaf/internal/embed/embedtest"
	"sheaf/internal/provider"
	"sheaf/internal/use/usetest"
)

func TestUSE(t *testing.T) {
	t.Parallel()
	dir := usetest.Folder(t, 1)
	e := mustNew(t, "multilingual", embed.Options{FindModel: found(embed.USE, dir)})
	embedtest.Conform(t, e)
	id := e.Identity()
	if id.String() != "multilingual" || id.Dim != 512 || !id.Normalized || len(id.Fingerprint) != 16 {
		t.Errorf("%+v", id)
	}
	for _, spec := range []string{"hf:" + embed.USE, "hf:" + dir} {
		if other := mustNew(t, spec, embed.Options{FindModel: found(embed.USE, dir)}).Identity(); other.Fingerprint != id.Fingerprint {
			t.Errorf("%s: %+v", spec, other)
		}
	}
	for text, want := range map[string][]int32{
		"":            {1, 0, 2}, // a text without pieces is unknown
		" \t":         {1, 0, 2},
		"The MOON":    {1, 30, 31, 2},
		"</s>":        {1, 3, 0, 22, 0, 2}, // control symbols match no text
		"月の海":         {1, 3, 34, 36, 35, 2},
		"the q\u00e9": {1, 30, 3, 20, 0, 2},
	} {
		if got := embed.Tokens(e, text); !slices.Equal(got, want) {
			t.Errorf("%q: ids %v, want %v", text, got, want)
		}
	}
	if err := errors.Join(embed.CheckModel(dir), embed.SaveInt8(dir)); err != nil {
		t.Error(err)
	}
}

// People are told once that a text is in a script of none of the 16 languages.
func TestUSENotice(t *testing.T) {
	t.Parallel()
	var said []string
	o := embed.Options{FindModel: found(embed.USE, usetest.Folder(t, 1)), Notice: func(text string) { said = append(said, text) }}
	e := mustNew(t, "multilingual", o)
	for _, text := range []string{"moon", "луна", "月", "القمر", "φεγγάρι", "चाँद"} {
		if _, err := e.Embed(t.Context(), []string{text}); err != nil {
			t.Fatal(err)
		}
	}
	if len(said) != 1 || !strings.HasPrefix(said[0], "the multilingual model has no language of this script") {
		t.Errorf("%q", said)
	}
}

func TestUSERefuses(t *testing.T) {
	t.Parallel()
	dir := usetest.Folder(t, 1)
	damaged := usetest.Folder(t, 1)
	put(t, damaged, "model.safetensors", "x")
	for _, test := range []struct{ spec, dir, want string }{
		{"multilingual:int8", dir, "multilingual has no models to choose from"},
		{"hf:" + dir + ":int8", dir, "USE-multilingual-v3 has no int8 form"},
		{"multilingual", damaged, "not a safetensors file"},
		{"multilingual", "", `embedder "multilingual": `},
	} {
		if _, err := provider.New(test.spec, embed.Options{FindModel: found(embed.USE, test.dir)}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.spec, err, test.want)
		}
	}
	if err := embed.CheckModel(damaged); err == nil {
		t.Error("a damaged model passes")
	}
}
