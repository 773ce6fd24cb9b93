// Package embedtest helps to test embedders and their callers: Conform tests that an
// embedder keeps the contract of embed.Embedder, and Server is a fake embedding
// service, which may have faults.
package embedtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"sheaf/internal/embed"
)

// Conform tests that an embedder keeps the contract of embed.Embedder.
func Conform(t *testing.T, e embed.Embedder) {
	t.Helper()
	texts := []string{"a harbour town", "", "rows, then a commit", "ünïcödé 東京", " \n", "a harbour town", "the last"}
	want := mustEmbed(t, e, texts)

	t.Run("one vector per text", func(t *testing.T) { checkVectors(t, e, texts, want) })
	t.Run("order", func(t *testing.T) {
		for i, text := range texts {
			checkSame(t, text, mustEmbed(t, e, []string{text})[0], want[i])
		}
		checkSame(t, "repeated text", want[0], want[5])
		if slices.Equal(want[0], want[2]) {
			t.Error("two unlike texts have one vector")
		}
	})
	t.Run("no texts", func(t *testing.T) {
		if got := mustEmbed(t, e, nil); len(got) != 0 {
			t.Errorf("%d vectors for no text", len(got))
		}
	})
	t.Run("vectors are the caller's", func(t *testing.T) {
		clear(mustEmbed(t, e, texts)[0])
		checkSame(t, texts[0], mustEmbed(t, e, texts)[0], want[0])
	})
	t.Run("concurrent use", func(t *testing.T) {
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				got, err := embed.Vectors(t.Context(), e, texts)
				if err != nil {
					t.Error(err)
					return
				}
				for i := range texts {
					checkSame(t, texts[i], got[i], want[i])
				}
			})
		}
		group.Wait()
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got, err := embed.Vectors(ctx, e, texts); !errors.Is(err, context.Canceled) || got != nil {
			t.Errorf("%d vectors and error %v, want none and context.Canceled", len(got), err)
		}
	})
}

func mustEmbed(t *testing.T, e embed.Embedder, texts []string) [][]float32 {
	t.Helper()
	vectors, err := embed.Vectors(t.Context(), e, texts)
	if err != nil {
		t.Fatal(err)
	}
	return vectors
}

func checkVectors(t *testing.T, e embed.Embedder, texts []string, vectors [][]float32) {
	t.Helper()
	id := e.Identity()
	if id.Provider == "" || id.Dim == 0 {
		t.Errorf("identity %+v after an answer", id)
	}
	if len(vectors) != len(texts) {
		t.Fatalf("%d vectors for %d texts", len(vectors), len(texts))
	}
	for i, v := range vectors {
		if len(v) != id.Dim {
			t.Errorf("%q: %d numbers, want %d", texts[i], len(v), id.Dim)
		}
		square := 0.0
		for _, x := range v {
			square += float64(x) * float64(x)
		}
		if math.IsNaN(square) || math.IsInf(square, 0) {
			t.Errorf("%q: numbers that are not finite", texts[i])
		}
		if length := math.Sqrt(square); id.Normalized && square != 0 && math.Abs(length-1) > 1e-5 {
			t.Errorf("%q: length %v, but the identity says normalized", texts[i], length)
		}
	}
}

// checkSame compares two vectors of a text, with a tolerance for services whose results
// depend on the batch.
func checkSame(t *testing.T, text string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%q: %d numbers, then %d", text, len(want), len(got))
		return
	}
	for i := range got {
		if math.Abs(float64(got[i]-want[i])) > 1e-4 {
			t.Errorf("%q: number %d is %v, then %v", text, i, want[i], got[i])
			return
		}
	}
}

// Texts returns n different texts.
func Texts(n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf("text %d", i)
	}
	return texts
}

// CheckVectors reports every vector that is not the one that a Server has for its text.
// That of an empty text, which is not sent, is zero.
func CheckVectors(t testing.TB, texts []string, vectors [][]float32, dim int) {
	t.Helper()
	if len(vectors) != len(texts) {
		t.Fatalf("%d vectors for %d texts", len(vectors), len(texts))
	}
	for i, text := range texts {
		want := Vector(text, dim)
		if text == "" {
			want = make([]float32, dim)
		}
		if !slices.Equal(vectors[i], want) {
			t.Errorf("text %d %q: %v, want %v", i, text, vectors[i], want)
		}
	}
}
