// Package seq has what iter lacks for sequences that may end with an error.
package seq

import "iter"

// Of yields items that are in memory.
func Of[T any](items []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, it := range items {
			if !yield(it, nil) {
				return
			}
		}
	}
}

// Map yields what to makes of each item. Errors pass as they are, with a zero item.
func Map[A, B any](items iter.Seq2[A, error], to func(A) B) iter.Seq2[B, error] {
	return func(yield func(B, error) bool) {
		for a, err := range items {
			var b B
			if err == nil {
				b = to(a)
			}
			if !yield(b, err) {
				return
			}
		}
	}
}

// First yields at most n items, all of them when n is 0.
func First[T any](n int, items iter.Seq2[T, error]) iter.Seq2[T, error] {
	if n == 0 {
		return items
	}
	return func(yield func(T, error) bool) {
		left := n
		for it, err := range items {
			left--
			if !yield(it, err) || left == 0 {
				return
			}
		}
	}
}
