package main

import (
	"testing"

	"sheaf/internal/filter"
)

// TestShares: each filter matches the share of documents that the report says.
func TestShares(t *testing.T) {
	t.Parallel()
	const n = 20_000
	want := map[string]int{"rank<300": 300, "percent<3": 600, "lang=en": 12_000}
	for _, f := range filters[1:] {
		parsed, err := filter.Parse(f.expr)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for i := range n {
			ok, err := parsed.Match(labelledDocument(i, n).Metadata.JSON())
			if err != nil {
				t.Fatal(err)
			}
			if ok {
				got++
			}
		}
		if got != want[f.expr] {
			t.Errorf("%q matches %d of %d documents, not %d", f.expr, got, n, want[f.expr])
		}
	}
}

// TestMetadataDiffer: no two documents of the labelled store share metadata.
func TestMetadataDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for i := range small {
		seen[labelledDocument(i, small).Metadata.String()] = true
	}
	if len(seen) != small {
		t.Errorf("%d metadata of %d documents", len(seen), small)
	}
}
