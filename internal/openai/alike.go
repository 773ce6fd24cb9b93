package openai

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"sheaf/internal/embed"
	"sheaf/internal/hint"
)

// tellingRunes is how many letters and digits of a text count as different from those of another: a model may read no
// further.
const tellingRunes = 64

// telling returns the first letters and digits of a text in lower case. A model may make nothing of what else differs.
func telling(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			continue
		}
		b.WriteRune(unicode.ToLower(r))
		if n++; n == tellingRunes {
			break
		}
	}
	return b.String()
}

// alike reports whether all texts have the same vector, bit for bit, although two of them have different words.
func alike(texts []string, vectors [][]float32) bool {
	for _, v := range vectors {
		if !slices.Equal(v, vectors[0]) {
			return false
		}
	}
	words := ""
	for i := range vectors {
		switch t := telling(texts[i]); {
		case t == "":
		case words == "":
			words = t
		case t != words:
			return true
		}
	}
	return false
}

// unlike are texts of which no model makes the same vector.
var unlike = []string{embed.Probe, "the moon pulls the sea"}

// refuseAlike deals with texts that have all the same vector. A service that does not tell other texts apart either is no
// use; of one that does, these texts fail.
func (b *batch) refuseAlike(ctx context.Context, places []int) error {
	var probes [][]float32
	for _, text := range unlike {
		vectors, err := b.retry(ctx, request{texts: []string{text}, tokens: 8})
		if err != nil {
			return err
		}
		probes = append(probes, vectors...)
	}
	if alike(unlike, probes) {
		return hint.With(b.classifyAnswer(errAlike, 1).err, "check which model the server has loaded, and its log")
	}
	for _, place := range places {
		b.Errs[place] = &TextError{b.classifyAnswer(errAlike, 1).err}
	}
	return nil
}
