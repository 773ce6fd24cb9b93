package dense_test

import (
	"strings"
	"testing"

	"sheaf/internal/dense"
)

func TestTexts(t *testing.T) {
	t.Parallel()
	var texts dense.Texts
	handles := map[string]dense.Handle{}
	for _, size := range []int{0, 1, 36, 127, 128, 70_000, 200_000, 262_139, 262_140, 300_000, 5} {
		for _, letter := range []string{"a", "b"} {
			s := strings.Repeat(letter, size)
			handles[s] = texts.Add(s)
		}
	}
	for s, h := range handles {
		if got := texts.At(h); got != s || h == 0 {
			t.Errorf("%d: a text of %d bytes, want %d of %.1q", h, len(got), len(s), s)
		}
	}
}
