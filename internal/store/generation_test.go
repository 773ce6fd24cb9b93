package store_test

import (
	"context"
	"fmt"
	"testing"

	"sheaf/internal/engine"
)

// TestASearchRunsAgain commits a change between a search's scan and its look at
// the documents. Where a document was taken away, replaced or moved to other lines,
// the search runs again and tells of what is there now; documents that were only
// added change nothing.
func TestASearchRunsAgain(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		now  []engine.Document // what the source holds after the change
		runs int
		want string
	}{
		"nothing":  {[]engine.Document{doc("1", "one"), doc("2", "two")}, 1, "1 one@1"},
		"added":    {[]engine.Document{doc("1", "one"), doc("2", "two"), doc("3", "three")}, 1, "1 one@1"},
		"moved":    {[]engine.Document{moved(doc("1", "one")), doc("2", "two")}, 2, "1 one@9"},
		"replaced": {[]engine.Document{doc("4", "one"), doc("2", "two")}, 2, "4 one@1"},
		"gone":     {[]engine.Document{doc("2", "two")}, 2, "2 two@1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, dir := create(t, facts)
			replace(t, w, "a", doc("1", "one"), doc("2", "two"))
			commit(t, w)
			runs := 0
			o := engine.SearchOptions{K: 1, Pick: func(context.Context, []float32, [][]float32) ([]int, error) {
				if runs++; runs == 1 {
					replace(t, w, "a", tt.now...)
					commit(t, w)
				}
				return []int{0}, nil
			}}
			hits, err := open(t, dir).Search(t.Context(), [][]float32{vector("one")}, o)
			if err != nil {
				t.Fatal(err)
			}
			d := hits[0][0].Document
			if got := fmt.Sprintf("%s %s@%d", d.ID, d.Text, d.StartLine); got != tt.want || runs != tt.runs {
				t.Errorf("%q after %d runs, want %q after %d", got, runs, tt.want, tt.runs)
			}
		})
	}
}
