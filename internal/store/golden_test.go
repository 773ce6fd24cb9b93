package store_test

import (
	"fmt"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/engine/enginetest"
)

// TestGolden asks with codes and without.
func TestGolden(t *testing.T) {
	t.Parallel()
	for _, coded := range []bool{false, true} {
		t.Run(fmt.Sprintf("codes %v", coded), func(t *testing.T) {
			enginetest.Golden(t, func(t *testing.T, f engine.Facts, docs []engine.Document) engine.Searcher {
				t.Helper()
				w, dir := create(t, f)
				if coded {
					w.ForceCodes()
				}
				src := engine.Source{Key: "golden", Name: "golden"}
				r, err := w.Replace(t.Context(), src)
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range docs {
					if err := add(t, w, r, src, d, d.Vector, engine.Given); err != nil {
						t.Fatal(err)
					}
				}
				r.Done(src)
				commit(t, w)
				opened := open(t, dir)
				if coded {
					opened.PreferCodes()
				}
				return opened
			})
		})
	}
}
