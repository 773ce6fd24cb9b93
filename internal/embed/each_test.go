package embed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"sheaf/internal/seq"
)

// picky refuses texts with "bad" in them, fails at "broken", and counts.
type picky struct {
	mu    sync.Mutex
	asked map[string]int
}

func (*picky) Identity() Identity { return Identity{Provider: "picky", Dim: 1} }

func (p *picky) Embed(_ context.Context, texts []string) (Result, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := Result{Errs: map[int]error{}}
	for i, text := range texts {
		p.asked[text]++
		vector := []float32{float32(len(text))}
		switch {
		case strings.Contains(text, "bad"):
			vector, r.Errs[i] = nil, errors.New("too long")
		case strings.Contains(text, "broken"):
			return r, errors.New("broken")
		}
		r.Vectors = append(r.Vectors, vector)
	}
	return r, nil
}

func embedEach(t *testing.T, texts ...string) (got []string, asked map[string]int, err error) {
	t.Helper()
	p := &picky{asked: map[string]int{}}
	self := func(text string) string { return text }
	err = Each(t.Context(), p, 2, 4, seq.Of(texts), self, func(text string, o Outcome) error {
		if (o.Vector == nil) != (o.Err != nil) {
			t.Errorf("%q: %v and %v", text, o.Vector, o.Err)
		}
		got = append(got, fmt.Sprint(text, o.Vector, o.Err != nil))
		return nil
	})
	return got, p.asked, err
}

func TestARefusedTextFailsAlone(t *testing.T) {
	t.Parallel()
	got, _, err := embedEach(t, "a", "bad1", "bb", "ccc", "dddd", "bad2")
	want := []string{"a[1] false", "bad1[] true", "bb[2] false", "ccc[3] false", "dddd[4] false", "bad2[] true"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

func TestOtherErrorsEndTheBatch(t *testing.T) {
	t.Parallel()
	if _, _, err := embedEach(t, "a", "bad", "broken"); err == nil || err.Error() != "broken" {
		t.Errorf("%v, want the embedder's error", err)
	}
}

func TestEqualTextsAreEmbeddedOnce(t *testing.T) {
	t.Parallel()
	var texts, want []string
	for i := range 3 * recentTexts {
		for _, text := range []string{fmt.Sprint(i), "again", fmt.Sprint(max(i-recentTexts/2, 0)), "bad"} {
			texts = append(texts, text)
			if text == "bad" {
				want = append(want, "bad[] true")
			} else {
				want = append(want, fmt.Sprintf("%s[%d] false", text, len(text)))
			}
		}
	}
	got, asked, err := embedEach(t, texts...)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("%v; %d of %d answers", err, len(got), len(want))
	}
	for text, n := range asked {
		if limit := 1; n > limit && text != "again" && text != "bad" || n > 4 {
			t.Errorf("%q was embedded %d times", text, n)
		}
	}
}
