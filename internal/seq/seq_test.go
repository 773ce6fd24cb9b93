package seq_test

import (
	"errors"
	"io"
	"iter"
	"slices"
	"strconv"
	"testing"

	"sheaf/internal/seq"
)

func collect[T any](items iter.Seq2[T, error]) (all []T, errs []error) {
	for it, err := range items {
		all, errs = append(all, it), append(errs, err)
	}
	return all, errs
}

// failing yields 1 and then an error.
func failing(yield func(int, error) bool) { _ = yield(1, nil) && yield(2, io.ErrUnexpectedEOF) }

func TestMap(t *testing.T) {
	t.Parallel()
	all, errs := collect(seq.Map(failing, strconv.Itoa))
	if !slices.Equal(all, []string{"1", ""}) || errs[0] != nil || !errors.Is(errs[1], io.ErrUnexpectedEOF) {
		t.Errorf("%q, %v", all, errs)
	}
}

func TestFirst(t *testing.T) {
	t.Parallel()
	for n, want := range [][]int{{7, 8, 9}, {7}, {7, 8}, {7, 8, 9}, {7, 8, 9}} {
		if got, _ := collect(seq.First(n, seq.Of([]int{7, 8, 9}))); !slices.Equal(got, want) {
			t.Errorf("the first %d: %v, want %v", n, got, want)
		}
	}
}

// TestStops checks that a caller can stop early.
func TestStops(t *testing.T) {
	t.Parallel()
	items := seq.Of([]int{1, 2, 3})
	for name, s := range map[string]iter.Seq2[int, error]{
		"Of": items, "Map": seq.Map(items, func(n int) int { return n }), "First": seq.First(2, items),
	} {
		n := 0
		for range s {
			n++
			break
		}
		if n != 1 {
			t.Errorf("%s went on for %d", name, n)
		}
	}
}
