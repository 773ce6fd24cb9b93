package openai

import (
	"strings"
	"testing"
)

func TestAlike(t *testing.T) {
	t.Parallel()
	one, other := []float32{1, 2}, []float32{1, 3}
	long := strings.Repeat("the same licence above ", 10)
	for _, test := range []struct {
		name    string
		texts   []string
		vectors [][]float32
		want    bool
	}{
		{"one text", []string{"a"}, [][]float32{one}, false},
		{"different words", []string{"a", "b", "c"}, [][]float32{one, one, one}, true},
		{"two vectors", []string{"a", "b", "c"}, [][]float32{one, one, other}, false},
		{"the same text", []string{"a", "a"}, [][]float32{one, one}, false},
		{"but for case, blanks and marks", []string{"The sea!", "the  SEA"}, [][]float32{one, one}, false},
		{"no words", []string{"😀", "🎉", "a"}, [][]float32{one, one, one}, false},
		{"a beginning as long as what a model reads", []string{long + "one", long + "two"}, [][]float32{one, one}, false},
	} {
		if got := alike(test.texts, test.vectors); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}
