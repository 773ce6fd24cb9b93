package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
	"sheaf/internal/metadata"
)

func parse(t *testing.T, exprs ...string) *filter.Filter {
	t.Helper()
	f, err := filter.Parse(exprs...)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// numbered makes documents with the ids and metadata n from first to below end.
func numbered(first, end int) (docs []engine.Document) {
	for n := first; n < end; n++ {
		d := doc(fmt.Sprint(n), fmt.Sprintf("text %d", n))
		d.Metadata = metadata.Raw(fmt.Appendf(nil, `{"n":%d,"odd":%v}`, n, n%2 == 1))
		docs = append(docs, d)
	}
	return docs
}

func TestListWithFilter(t *testing.T) {
	t.Parallel()
	w, _ := create(t, facts)
	replace(t, w, "a.txt", numbered(0, 600)...)
	commit(t, w)
	replace(t, w, "b.txt", numbered(600, 1200)...)
	tests := []struct {
		filter string
		limit  int
		want   []string
	}{
		{`{"n": {"$in": [599, 3, 600]}}`, 0, []string{"3", "599"}}, // 600 is not committed
		{`{"odd": true}`, 3, []string{"1", "3", "5"}},
		{`{"nowhere": 1}`, 0, nil},
		{`n<2`, 0, []string{"0", "1"}},
	}
	for _, tt := range tests {
		var got []string
		for _, d := range list(t, w.Store, engine.ListOptions{Filter: parse(t, tt.filter), Limit: tt.limit}) {
			got = append(got, d.ID)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.filter, diff)
		}
	}
	if got := list(t, w.Store, engine.ListOptions{Filter: parse(t, `{"odd": true}`)}); len(got) != 300 {
		t.Errorf("%d odd documents, want 300", len(got))
	}
}

// What changes after a listing has begun does not show in it.
// Documents that were deleted just now are found by no filter, though they are matched one by one.
func TestFiltersPassOverTheDead(t *testing.T) {
	t.Parallel()
	w, _ := create(t, facts)
	replace(t, w, "few.txt", numbered(0, 2)...)
	replace(t, w, "many.txt", numbered(2, 400)...)
	commit(t, w)
	before := list(t, w.Store, engine.ListOptions{Filter: parse(t, "source=few.txt", "n>=0")})
	if len(before) != 2 {
		t.Fatalf("%v", before)
	}
	deleteIDs(t, w, before[0].ID)
	if got := list(t, w.Store, engine.ListOptions{Filter: parse(t, "source=few.txt", "n>=0")}); len(got) != 1 || got[0].ID != before[1].ID {
		t.Errorf("%v", got)
	}
}

func TestListWithFilterWhileTheStoreChanges(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	docs := numbered(0, 1000)
	replace(t, w, "a.txt", docs...)
	commit(t, w)
	var got []string
	for d, err := range open(t, dir).Documents(t.Context(), engine.ListOptions{Filter: parse(t, `{"odd": true}`)}) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, d.ID); len(got) > 1 {
			continue
		}
		docs[901].Metadata = metadata.Raw([]byte(`{"odd":"no more"}`))
		replace(t, w, "a.txt", slices.Delete(slices.Clone(docs), 997, 998)...)
		replace(t, w, "b.txt", numbered(1001, 1002)...)
		commit(t, w)
	}
	if len(got) != 500 || !slices.Contains(got, "901") || !slices.Contains(got, "997") || slices.Contains(got, "1001") {
		t.Errorf("%d documents, to %s", len(got), got[len(got)-1])
	}
}

func TestSourcesWithFilter(t *testing.T) {
	t.Parallel()
	w, _ := create(t, facts)
	replace(t, w, "a.txt", numbered(0, 5)...)
	replace(t, w, "b.txt", numbered(5, 10)...)
	replace(t, w, "c.txt", numbered(10, 12)...)
	commit(t, w)
	tests := []struct{ filter, want string }{
		{`{"n": {"$gte": 4, "$lt": 8}}`, "a.txt 1, b.txt 3"},
		{`{"odd": true}`, "a.txt 2, b.txt 3, c.txt 1"},
		{`{"n": 11}`, "c.txt 1"},
		{`{"n": -1}`, ""},
	}
	for _, tt := range tests {
		var got []string
		for info, err := range w.Sources(t.Context(), parse(t, tt.filter)) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%s %d", info.Name, info.Documents))
		}
		if got := strings.Join(got, ", "); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.filter, got, tt.want)
		}
	}
}

func TestSelectByFilter(t *testing.T) {
	t.Parallel()
	w, _ := create(t, facts)
	replace(t, w, "a.txt", numbered(0, 20)...)
	commit(t, w)
	set, err := w.Select(t.Context(), engine.Selection{Filter: parse(t, `{"odd": true}`, "n<6")})
	if err != nil || set.Len() != 3 {
		t.Fatalf("%d documents, %v", set.Len(), err)
	}
	if err := w.Delete(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	if set, err = w.Select(t.Context(), engine.Selection{Filter: parse(t, "n<6")}); err != nil || set.Len() != 3 {
		t.Errorf("%d documents left, %v", set.Len(), err)
	}
	if set, err = w.Select(t.Context(), engine.Selection{Filter: nil}); err != nil || set.Len() != 17 {
		t.Errorf("%d documents without a filter, %v", set.Len(), err)
	}
}

func TestFilterOnAClosedStore(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	replace(t, w, "a.txt", doc("1", "one"))
	commit(t, w)
	s := open(t, dir)
	s.Close()
	f := parse(t, "a=1")
	if _, err := s.Select(t.Context(), engine.Selection{Filter: f}); err != engine.ErrClosed {
		t.Errorf("Select: %v", err)
	}
	for _, err := range s.Documents(t.Context(), engine.ListOptions{Filter: f}) {
		if err != engine.ErrClosed {
			t.Errorf("Documents: %v", err)
		}
	}
	for _, err := range s.Sources(t.Context(), f) {
		if err != engine.ErrClosed {
			t.Errorf("Sources: %v", err)
		}
	}
}
