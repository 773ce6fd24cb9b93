package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/metadata"
	"sheaf/internal/sqlite"
	"sheaf/internal/store"
)

// TestManyRows takes each loop over pages of rows to its next page: of a check, of the sweep
// of deleted documents, and of the search for metadata that nobody names.
func TestManyRows(t *testing.T) {
	t.Parallel()
	const n, kept = 20_100, 15_000 // more than one page of each, of those that are deleted too
	w, dir := create(t, facts)
	var gone []string
	_, err := importInto(t.Context(), w, func(yield func(engine.Transfer, error) bool) {
		for i := range n {
			tr := transfer(fmt.Sprint(i), "text", fmt.Sprint("s", i/1000), []float32{float32(i), 1, 2})
			tr.Metadata = metadata.Raw(fmt.Appendf(nil, `{"i":%d}`, i))
			if i%1000 >= 1000*kept/n {
				gone = append(gone, tr.ID)
			}
			if !yield(tr, nil) {
				return
			}
		}
	}, engine.OnConflictFail)
	must(t, err)
	set, _, err := w.SelectIDs(t.Context(), gone)
	must(t, err)
	must(t, w.Delete(t.Context(), set))
	_, err = w.Compact(t.Context())
	must(t, err)
	must(t, w.Close())
	if got := kinds(t, dir); got != nil {
		t.Errorf("problems of the kinds %q", got)
	}
	for table, want := range map[string]int64{"document": n - int64(len(gone)), "meta": n - int64(len(gone)), "field": n - int64(len(gone))} {
		if got := rowsOf(t, dir, table); got != want {
			t.Errorf("%d rows in table %s, want %d", got, table, want)
		}
	}
	// A problem on the last page of each.
	execute(t, dir, `UPDATE document SET text_hash = 1 WHERE n = (SELECT max(n) FROM document)`,
		`DELETE FROM document WHERE n = (SELECT max(n) FROM document WHERE n < 20000)`,
		`UPDATE meta SET hash = x'00' WHERE meta = (SELECT max(meta) FROM meta)`)
	problems, err := store.Check(t.Context(), dir, engine.Options{})
	must(t, err)
	for _, part := range []string{"has another text's hash", "is missing", "fails its checksum"} {
		if !slices.ContainsFunc(problems, func(p store.Problem) bool { return strings.Contains(p.Message, part) }) {
			t.Errorf("%q is not told: %+v", part, problems)
		}
	}
}

// rowsOf counts the rows of a table.
func rowsOf(t *testing.T, dir, table string) int64 {
	t.Helper()
	conn, err := sqlite.Open(dir+"/sheaf.db", sqlite.ReadOnly)
	must(t, err)
	defer conn.Close()
	n, err := conn.Int64("SELECT count(*) FROM " + table)
	must(t, err)
	return n
}
