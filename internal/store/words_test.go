package store_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/engine"
	"sheaf/internal/sqlite"
	"sheaf/internal/store"
)

// count asks the database behind the store's back.
func count(t *testing.T, dir, query string) int64 {
	t.Helper()
	conn, err := sqlite.Open(filepath.Join(dir, "sheaf.db"), sqlite.ReadOnly)
	must(t, err)
	defer conn.Close()
	n, err := conn.Int64(query)
	must(t, err)
	return n
}

// commitSource commits a source with documents of the given texts.
func commitSource(t *testing.T, w *store.Writer, name string, texts ...string) {
	t.Helper()
	src, _, err := w.SourceByKey(t.Context(), name)
	must(t, err)
	src.Key, src.Name = name, name
	r, err := w.Replace(t.Context(), src)
	must(t, err)
	for i, text := range texts {
		must(t, r.Add(t.Context(), engine.Document{ID: fmt.Sprint(name, i), Text: text}, vector(text), engine.Given))
	}
	r.Done(src)
	must(t, w.Commit(t.Context()))
}

// Every commit indexes its words, few segments are left of many commits, and compact
// leaves one, without the words of documents that are gone.
func TestSegments(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	for i := range 100 {
		commitSource(t, w, fmt.Sprint("s", i%30), strings.Repeat(fmt.Sprint("common some", i, " "), i), "")
	}
	if n := count(t, dir, `SELECT count(*) FROM segment`); n > 8 {
		t.Errorf("%d segments", n)
	}
	must(t, w.Close())
	if got := kinds(t, dir); got != nil {
		t.Errorf("problems of the kinds %q", got)
	}
	w, err := store.OpenWriter(t.Context(), dir, engine.Options{})
	must(t, err)
	_, err = w.Compact(t.Context())
	must(t, err)
	if n := count(t, dir, `SELECT sum(documents) * 100 + count(*) FROM segment`); n != 6001 {
		t.Errorf("documents and segments after compact: %d", n)
	}
	_, err = w.Compact(t.Context())
	must(t, err)
	set, missing, err := w.SelectIDs(t.Context(), []string{"s10", "s11"})
	if err != nil || missing != nil {
		t.Fatal(missing, err)
	}
	must(t, w.Delete(t.Context(), set))
	_, err = w.Compact(t.Context())
	must(t, err)
	if n := count(t, dir, `SELECT sum(documents) * 100 + count(*) FROM segment`); n != 5801 {
		t.Errorf("documents and segments after a deletion: %d", n)
	}
	must(t, w.Close())
	if got := kinds(t, dir); got != nil {
		t.Errorf("problems of the kinds %q", got)
	}
}

// Documents that are staged over many segments count with the commit; without one
// their words go with them.
func TestStagedWords(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("many words in one text ", 50_000)
	for _, commit := range []bool{true, false} {
		w, dir := create(t, facts)
		commitSource(t, w, "first", "one")
		r, err := w.Replace(t.Context(), engine.Source{Key: "s", Name: "s"})
		must(t, err)
		for i := range 20 {
			text := fmt.Sprint(i, long)
			must(t, r.Add(t.Context(), engine.Document{ID: fmt.Sprint(i), Text: text}, vector(text), engine.Given))
		}
		want := int64(1)
		if commit {
			r.Done(engine.Source{Key: "s", Name: "s"})
			must(t, w.Commit(t.Context()))
			want = 21
		}
		must(t, w.Close())
		if n := count(t, dir, `SELECT sum(documents) FROM segment`); n != want {
			t.Errorf("committed %v: %d documents in segments, not %d", commit, n, want)
		}
		if got := kinds(t, dir); got != nil {
			t.Errorf("committed %v: problems of the kinds %q", commit, got)
		}
	}
}

// What is wrong with the index of words is found, and made anew.
func TestDamagedWords(t *testing.T) {
	t.Parallel()
	for statement, kind := range map[string]string{
		`UPDATE page SET bits = substr(bits, 1, length(bits) - 1) WHERE page = 1`: store.ProblemWords,
		`UPDATE page SET bits = x'', crc = 0 WHERE page = 1`:                      store.ProblemWords,
		`DELETE FROM page WHERE page = 0`:                                         store.ProblemWords,
		`UPDATE segment SET tokens = tokens + 1`:                                  store.ProblemWords,
		`UPDATE segment SET last = -1`:                                            store.ProblemWords,
		`DELETE FROM segment`:                                                     store.ProblemWords,
		`INSERT INTO page VALUES (99, x'01', 2)`:                                  store.ProblemLeftover,
		`INSERT INTO segment VALUES (99, 60, 60, 1, 1, x'', 0)`:                   store.ProblemLeftover,
		`UPDATE words SET count = 0`:                                              store.ProblemLeftover,
		`UPDATE words SET tokenizer = 99`:                                         store.ProblemLeftover,
	} {
		dir := filled(t, 1)
		execute(t, dir, statement)
		if got := kinds(t, dir); !slices.Contains(got, kind) {
			t.Errorf("%s: problems of the kinds %q", statement, got)
		}
		if _, err := store.Repair(t.Context(), dir, engine.Options{AllWords: true}); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
		if got := kinds(t, dir); got != nil {
			t.Errorf("%s: repaired, and problems of the kinds %q", statement, got)
		}
	}
}

// A store made without words gets none.
// No part of a segment of words can change without a checksum.
func TestEachPartOfASegmentIsCovered(t *testing.T) {
	t.Parallel()
	dir := filled(t, 1)
	for _, column := range []string{"segment.first", "segment.last", "segment.documents", "segment.tokens", "page.crc"} {
		table, column, _ := strings.Cut(column, ".")
		execute(t, dir, fmt.Sprintf(`UPDATE %s SET %s = %[2]s + 1`, table, column))
		if got := kinds(t, dir); !slices.Equal(got, []string{store.ProblemWords}) {
			t.Errorf("%s of a %s: problems of the kinds %q", column, table, got)
		}
		execute(t, dir, fmt.Sprintf(`UPDATE %s SET %s = %[2]s - 1`, table, column))
	}
	if got := kinds(t, dir); got != nil {
		t.Errorf("problems of the kinds %q", got)
	}
}

func TestNoWords(t *testing.T) {
	t.Parallel()
	f := facts
	f.NoWords = true
	w, dir := create(t, f)
	commitSource(t, w, "s", "some words")
	must(t, w.Close())
	w, err := store.OpenWriter(t.Context(), dir, engine.Options{})
	must(t, err)
	commitSource(t, w, "s", "other words", "more")
	_, err = w.Compact(t.Context())
	must(t, err)
	must(t, w.Close())
	if n := count(t, dir, `SELECT count(*) FROM page`); n != 0 || !open(t, dir).Facts().NoWords {
		t.Errorf("%d pages of words", n)
	}
	if got := kinds(t, dir); got != nil {
		t.Errorf("problems of the kinds %q", got)
	}
	other := open(t, filled(t, 1))
	copied, dir := create(t, f)
	_, err = mergeStores(t.Context(), copied, []*store.Store{other}, engine.OnConflictFail)
	must(t, err)
	must(t, copied.Close())
	if got := kinds(t, dir); got != nil || count(t, dir, `SELECT count(*) FROM page`) != 0 {
		t.Errorf("merged: problems of the kinds %q", got)
	}
}

// The first writer of a store that was made before there were words indexes them, and
// tells how far it is.
func TestWordsOfAnOldStore(t *testing.T) {
	t.Parallel()
	dir := frozen(t, 2)
	var told [][2]int64
	w, err := store.OpenWriter(t.Context(), dir, engine.Options{Indexing: func(done, total int64) { told = append(told, [2]int64{done, total}) }})
	must(t, err)
	must(t, w.Close())
	if diff := cmp.Diff([][2]int64{{10, 10}}, told); diff != "" {
		t.Error(diff)
	}
	if n := count(t, dir, `SELECT sum(documents) FROM segment`); n != 7 {
		t.Errorf("%d documents in segments", n)
	}
}
