package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/engine"
	"sheaf/internal/metadata"
	"sheaf/internal/sqlite"
	"sheaf/internal/store"
)

// filled makes a closed store of some sources, with deleted documents too, and
// returns its directory.
func filled(t testing.TB, seed int) string {
	t.Helper()
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), ".sheaf")
	w, err := store.Create(ctx, dir, facts, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var all []engine.Transfer
	for i := range 60 {
		text := fmt.Sprintf("store %d, document %d: %s", seed, i, strings.Repeat("some words ", i%7))
		tr := transfer(fmt.Sprintf("id-%d", i), text, fmt.Sprintf("s%d.txt", i/20), vector(text))
		tr.Metadata = metadata.Raw(fmt.Appendf(nil, `{"i":%d,"name":"n%d","deep":{"a":[1,2]}}`, i%9, i%5))
		all = append(all, tr)
	}
	if _, err := importInto(ctx, w, transfers(all...), engine.OnConflictFail); err != nil {
		t.Fatal(err)
	}
	set, _, err := w.SelectIDs(ctx, []string{"id-3", "id-31", "id-59"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Delete(ctx, set), w.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// indexFile is the path of a store's index file.
func indexFile(t testing.TB, dir string) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "index.*.faiss"))
	if err != nil || len(all) != 1 {
		t.Fatalf("index files %q, %v", all, err)
	}
	return all[0]
}

// kinds are the kinds of problems that check finds.
func kinds(t testing.TB, dir string) (all []string) {
	t.Helper()
	problems, err := store.Check(context.Background(), dir, engine.Options{AllWords: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if p.Message == "" || p.Path == "" || p.Remedy == "" || p.Repaired {
			t.Errorf("a problem that does not say what, where and what to do: %+v", p)
		}
		if !slices.Contains(all, p.Kind) {
			all = append(all, p.Kind)
		}
	}
	return all
}

// execute changes the database behind the store's back.
func execute(t *testing.T, dir string, statements ...string) {
	t.Helper()
	conn, err := sqlite.Open(filepath.Join(dir, "sheaf.db"), sqlite.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, s := range statements {
		if err := conn.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func TestCheckOfASoundStore(t *testing.T) {
	t.Parallel()
	if got := kinds(t, filled(t, 1)); got != nil {
		t.Errorf("problems of the kinds %q", got)
	}
	none := t.TempDir()
	if _, err := store.Check(t.Context(), none, engine.Options{}); !errors.Is(err, engine.ErrNotExist) {
		t.Errorf("no store: %v", err)
	}
	if left, err := os.ReadDir(none); err != nil || len(left) != 0 {
		t.Errorf("check left %v in a folder without a store, %v", left, err)
	}
	w, dir := create(t, facts)
	var locked *engine.LockedError
	if _, err := store.Check(t.Context(), dir, engine.Options{}); !errors.As(err, &locked) {
		t.Errorf("beside a writer: %v", err)
	}
	commit(t, w)
}

func brokenIndex(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { breakIndex(t, dir, name) }
}

func TestCheckAndRepair(t *testing.T) {
	t.Parallel()
	sql := func(statements ...string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { execute(t, dir, statements...) }
	}
	for name, c := range map[string]struct {
		damage func(*testing.T, string)
		kind   string
		mended bool
		says   string // parts of messages
	}{
		"a source's count":      {sql(`UPDATE source SET documents = 7 WHERE source = 2`), store.ProblemSource, true, `source "s1.txt" has 19 documents, not 7`},
		"a filter row gone":     {sql(`DELETE FROM field WHERE key = 'name' AND value = 'n2'`), store.ProblemMetadata, true, `filters do not see "name" of metadata 13; look at 126 values of metadata, and there are 135`},
		"a filter row too many": {sql(`INSERT INTO field VALUES ('name', 'n9', 4, 1)`), store.ProblemMetadata, true, `look at 136 values of metadata, and there are 135`},
		"a staged document":     {sql(`INSERT INTO document SELECT 60 + n, 'x', source, meta, origin, 0, 0, 0, text_hash, hash, text FROM document WHERE n IN (0, 1)`), store.ProblemLeftover, true, `2 documents were never committed`},
		"dead documents":        {sql(`INSERT INTO document SELECT 3 + 28 * n, 'x', source, meta, origin, 0, 0, 0, text_hash, hash, text FROM document WHERE n IN (0, 1)`), store.ProblemLeftover, true, `2 deleted documents still have a row`},
		"another text":          {sql(`UPDATE document SET text = 'other' WHERE n = 5`), store.ProblemDocument, false, `document 5 (id "id-5") has another text's hash; not found by the words`},
		"another id":            {sql(`UPDATE document SET id = 'id-6' WHERE n = 5`), store.ProblemDocument, false, `document 5 (id "id-6") fails its checksum; documents 5 and 6 both have id "id-6"`},
		"another's metadata":    {sql(`UPDATE document SET meta = meta + 1 WHERE n = 5`), store.ProblemDocument, false, `document 5 (id "id-5") fails its checksum`},
		"another's source":      {sql(`UPDATE document SET source = 3 WHERE n = 5`), store.ProblemDocument, false, `document 5 (id "id-5") fails its checksum; "s0.txt" has 18 documents, not 19`},
		"other lines":           {sql(`UPDATE document SET end_line = 7 WHERE n = 5`), store.ProblemDocument, false, `document 5 (id "id-5") fails its checksum`},
		"another origin":        {sql(`UPDATE document SET origin = 3 - origin WHERE n = 5`), store.ProblemDocument, false, `document 5 (id "id-5") fails its checksum`},
		"no metadata":           {sql(`UPDATE document SET meta = 1000 WHERE n = 5`), store.ProblemDocument, false, `document 5 (id "id-5") has no metadata`},
		"no source":             {sql(`UPDATE document SET source = 1000 WHERE n = 5`), store.ProblemDocument, true, `document 5 (id "id-5") has no source; "s0.txt" has 18 documents, not 19`},
		"a source's row":        {sql(`DELETE FROM source WHERE source = 2`), store.ProblemDocument, true, `document 39 (id "id-39") has no source`},
		"index document_source": {brokenIndex("document_source"), store.ProblemDatabase, true, `wrong # of entries in index document_source`},
		"index document_id":     {brokenIndex("document_id"), store.ProblemDatabase, true, `wrong # of entries in index document_id`},
		"index meta_hash":       {brokenIndex("meta_hash"), store.ProblemDatabase, true, `wrong # of entries in index meta_hash`},
		"the index of keys":     {brokenIndex("sqlite_autoindex_source_1"), store.ProblemDatabase, true, `wrong # of entries in index sqlite_autoindex_source_1`},
		"a table":               {brokenIndex("document"), store.ProblemDatabase, false, `image is malformed; "s0.txt" has 0 documents, not 19`},
		"another table":         {brokenIndex("source"), store.ProblemDatabase, false, `wrong # of entries in index sqlite_autoindex_source_2`},
		"a lost document":       {sql(`DELETE FROM document WHERE n = 5`), store.ProblemDocument, false, `document 5 is missing; "s0.txt" has 18 documents, not 19; not found by the words`},
		"the last one lost":     {sql(`DELETE FROM document WHERE n = 58`), store.ProblemDocument, false, `document 58 is missing; "s2.txt" has 18 documents, not 19`},
		"changed metadata":      {sql(`UPDATE meta SET json = '{}' WHERE meta = 2`), store.ProblemMetadata, false, `metadata 2 fails its checksum; document 46 (id "id-46") fails its checksum; there are 132`},
		"checksums gone":        {sql(`DELETE FROM extent`), store.ProblemVectors, false, `the checksums do not cover rows 0 to 59`},
		"a bitmap":              {sql(`UPDATE bitmap SET crc = crc + 1 WHERE kind = 0`), store.ProblemDatabase, false, `page 0 of a bitmap fails its checksum`},
		"another bitmap":        {sql(`UPDATE bitmap SET crc = crc + 1 WHERE kind = 2`), store.ProblemDatabase, false, `page 0 of a bitmap fails its checksum`},
		"facts":                 {sql(`UPDATE store SET dim = 4`), store.ProblemDatabase, false, `its row of facts fails its checksum`},
		"no facts":              {sql(`DELETE FROM store`), store.ProblemDatabase, false, `its row of facts is missing`},
		"a vector":              {func(t *testing.T, dir string) { must(t, poke(indexFile(t, dir), 45+4*3*10)) }, store.ProblemVectors, false, `rows 0 to 59 fail their checksum`},
		"the index's dim":       {func(t *testing.T, dir string) { must(t, poke(indexFile(t, dir), 4)) }, store.ProblemIndex, false, `180 floats for 60 rows of dim 86`},
		"the index gone":        {func(t *testing.T, dir string) { must(t, os.Remove(indexFile(t, dir))) }, store.ProblemIndex, false, `it is missing`},
		"the index cut":         {func(t *testing.T, dir string) { must(t, os.Truncate(indexFile(t, dir), 200)) }, store.ProblemIndex, false, `it has 200 bytes of 765`},
		"a tail":                {func(t *testing.T, dir string) { must(t, os.Truncate(indexFile(t, dir), 9000)) }, store.ProblemLeftover, true, `8235 bytes past the last vector`},
		"the header's count":    {staleHeader, store.ProblemLeftover, true, `the header does not say what was committed last`},
		"another index file":    {func(t *testing.T, dir string) { write(t, filepath.Join(dir, "index.7.faiss"), "x") }, store.ProblemLeftover, true, `a file that the store does not name`},
		"a killed build":        {func(t *testing.T, dir string) { write(t, filepath.Join(dir, "sheaf.db.new"), "x") }, store.ProblemLeftover, true, `a database whose making was killed`},
		"a stranger's file":     {func(t *testing.T, dir string) { write(t, filepath.Join(dir, "notes.txt"), "x") }, store.ProblemLeftover, false, `nothing of a store's`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filled(t, 1)
			c.damage(t, dir)
			if got := kinds(t, dir); !slices.Contains(got, c.kind) {
				t.Fatalf("problems of the kinds %q, want %s", got, c.kind)
			}
			all := fmt.Sprint(store.Check(t.Context(), dir, engine.Options{AllWords: true}))
			for _, part := range strings.Split(c.says, "; ") {
				if !strings.Contains(all, part) {
					t.Errorf("%q is not told: %s", part, all)
				}
			}
			problems, err := store.Repair(t.Context(), dir, engine.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range problems {
				if p.Kind == store.ProblemDatabase && strings.Contains(p.Remedy, "--repair") != c.mended {
					t.Errorf("what helps is %q: %+v", p.Remedy, p)
				}
			}
			if got := kinds(t, dir); strings.HasSuffix(name, " table") && slices.ContainsFunc(problems, func(p store.Problem) bool { return p.Repaired }) {
				t.Errorf("what cannot be repaired is said to be: %+v, left %q", problems, got)
			}
			left := slices.DeleteFunc(problems, func(p store.Problem) bool { return p.Repaired })
			if mended := len(left) == 0; mended != c.mended {
				t.Errorf("left after the repair: %+v", left)
			}
			if found := kinds(t, dir); (len(found) == 0) != c.mended {
				t.Errorf("after the repair there are problems of the kinds %q", found)
			}
		})
	}
}

// What a damaged index hid is told by the repair that makes it anew.
func TestRepairTellsWhatWasHidden(t *testing.T) {
	t.Parallel()
	dir := filled(t, 1)
	execute(t, dir, `UPDATE document SET id = 'id-6' WHERE n = 5`)
	breakIndex(t, dir, "document_id")
	const hidden = `documents 5 and 6 both have id "id-6"`
	before, err := store.Check(t.Context(), dir, engine.Options{})
	if err != nil || strings.Contains(fmt.Sprint(before), hidden) {
		t.Fatalf("%+v, %v", before, err)
	}
	problems, err := store.Repair(t.Context(), dir, engine.Options{})
	if err != nil || !slices.ContainsFunc(problems, func(p store.Problem) bool { return p.Message == hidden && !p.Repaired }) {
		t.Errorf("%+v, %v", problems, err)
	}
}

// staleHeader makes the index file say what it said before the last commit.
func staleHeader(t *testing.T, dir string) {
	f, err := os.OpenFile(indexFile(t, dir), os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	for offset, n := range map[int64]byte{8: 1, 37: 3} { // one row, three floats
		_, err := f.WriteAt([]byte{n, 0, 0, 0, 0, 0, 0, 0}, offset)
		must(t, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What a kill left is one line, however much it is.
func TestLeftoversAreCounted(t *testing.T) {
	t.Parallel()
	dir := filled(t, 1)
	execute(t, dir, `WITH RECURSIVE r(n) AS (SELECT 1000 UNION ALL SELECT n + 1 FROM r WHERE n < 1019)
		INSERT INTO document SELECT r.n, 'x' || r.n, source, meta, origin, 0, 0, 0, text_hash, hash, text FROM r, document d WHERE d.n = 0`)
	problems, err := store.Check(t.Context(), dir, engine.Options{})
	must(t, err)
	if len(problems) != 1 || problems[0].Kind != store.ProblemLeftover || problems[0].Message != "20 documents were never committed" {
		t.Errorf("%+v", problems)
	}
	for kind, damage := range map[string]bool{store.ProblemVectors: true, store.ProblemLeftover: false, store.ProblemSlow: false} {
		if p := (store.Problem{Kind: kind}); p.Damage() != damage {
			t.Errorf("%s is damage: %t", kind, p.Damage())
		}
	}
}

// A vector that is no number is damage wherever it would be shown.
func TestVectorsThatAreNoNumbers(t *testing.T) {
	t.Parallel()
	dir := filled(t, 1)
	path := indexFile(t, dir)
	b, err := os.ReadFile(path)
	must(t, err)
	copy(b[45:], []byte{0, 0, 0xc0, 0x7f})
	must(t, os.WriteFile(path, b, 0o600))
	s := open(t, dir)
	var format *engine.FormatError
	for _, err := range s.Documents(t.Context(), engine.ListOptions{WithVectors: true}) {
		if !errors.As(err, &format) {
			t.Errorf("list: %v", err)
		}
		break
	}
	if len(list(t, s, engine.ListOptions{})) == 0 {
		t.Error("without vectors nothing is listed")
	}
}

func TestManyProblemsAreNotToldOneByOne(t *testing.T) {
	t.Parallel()
	dir := filled(t, 1)
	for i := range 200 { // more than are told
		write(t, filepath.Join(dir, fmt.Sprintf("index.%d.faiss", 7+i)), "x")
	}
	problems, err := store.Check(t.Context(), dir, engine.Options{})
	if err != nil || len(problems) > 110 || !strings.Contains(fmt.Sprint(problems), "and more of this kind") {
		t.Errorf("%d problems, %v", len(problems), err)
	}
}

// answers are what a reader gets from a store, errors included, and the
// documents that its searches show.
func answers(dir string) (all []string, found map[string]string) {
	found = map[string]string{}
	ctx := context.Background()
	s, err := store.Open(ctx, dir, engine.Options{})
	if err != nil {
		return []string{"error"}, found
	}
	defer s.Close()
	for d, err := range s.Documents(ctx, engine.ListOptions{}) {
		if err != nil {
			all = append(all, "error")
			break
		}
		all = append(all, d.ID+content(d))
	}
	for q := range 5 {
		hits, err := s.Search(ctx, [][]float32{vector(fmt.Sprintf("store 1, document %d: ", q*11))}, engine.SearchOptions{K: 5})
		if err != nil {
			all = append(all, "error")
			continue
		}
		for _, h := range hits[0] {
			found[h.ID] = content(h.Document)
			all = append(all, fmt.Sprint(h.ID, found[h.ID], h.Score))
		}
	}
	return all, found
}

func content(d engine.Document) string {
	return fmt.Sprint(d.Text, d.Metadata.String(), d.Source, d.StartLine)
}

// TestDamage damages a store in many random ways. Whatever changes an answer is
// noticed by Check, nothing crashes, and no text is ever shown as another
// document's.
func TestDamage(t *testing.T) {
	t.Parallel()
	sound, other := filled(t, 1), filled(t, 2)
	want, _ := answers(sound)
	docs := map[string]string{}
	s, err := store.Open(t.Context(), sound, engine.Options{})
	must(t, err)
	for _, d := range list(t, s, engine.ListOptions{}) {
		docs[d.ID] = content(d)
	}
	must(t, s.Close())
	changed := 0
	for seed := range uint64(200) {
		dir := filepath.Join(t.TempDir(), ".sheaf")
		if err := os.CopyFS(dir, os.DirFS(sound)); err != nil {
			t.Fatal(err)
		}
		what := damage(t, rand.New(rand.NewPCG(seed, 1)), dir, other)
		problems, err := store.Check(t.Context(), dir, engine.Options{})
		got, shown := answers(dir)
		for id, row := range shown {
			if docs[id] != row {
				t.Errorf("seed %d, %s: id %q shows %q", seed, what, id, row)
			}
		}
		if !cmp.Equal(got, want) {
			changed++
			if err == nil && len(problems) == 0 {
				t.Errorf("seed %d, %s: the answers changed, and check finds nothing: %s", seed, what, cmp.Diff(want, got))
			}
		}
	}
	if changed < 50 {
		t.Errorf("only %d of 200 damages changed an answer", changed)
	}
}

// damage does one random thing to the files of a store, and says which.
func damage(t *testing.T, r *rand.Rand, dir, other string) string {
	t.Helper()
	name := []string{"sheaf.db", "index.2.faiss"}[r.IntN(2)]
	path := filepath.Join(dir, name)
	b, err := os.ReadFile(path)
	must(t, err)
	switch r.IntN(10) {
	case 0:
		n := r.IntN(len(b))
		must(t, os.Truncate(path, int64(n)))
		return fmt.Sprintf("%s cut to %d bytes", name, n)
	case 1:
		must(t, os.Remove(path))
		return name + " removed"
	case 2:
		b, err := os.ReadFile(filepath.Join(other, name))
		must(t, err)
		must(t, os.WriteFile(path, b, 0o666))
		return name + " is another store's"
	case 3:
		from, to, n := r.IntN(len(b)), r.IntN(len(b)), 1+r.IntN(512)
		copy(b[to:], slices.Clone(b[from:min(from+n, len(b))]))
		must(t, os.WriteFile(path, b, 0o666))
		return fmt.Sprintf("%s: %d bytes from %d copied to %d", name, n, from, to)
	}
	var at []int
	for range 1 + r.IntN(4) {
		i := r.IntN(len(b))
		b[i] ^= byte(1 + r.IntN(255))
		at = append(at, i)
	}
	must(t, os.WriteFile(path, b, 0o666))
	return fmt.Sprintf("%s flipped at %v", name, at)
}

// A document whose source is missing goes back to the source that its metadata
// names, where its checksum agrees; else it goes.
func TestRepairOfOrphans(t *testing.T) {
	t.Parallel()
	w, dir := create(t, facts)
	replace(t, w, "a.txt", doc("1", "one"), doc("2", "two")) // doc names a.txt in the metadata
	replace(t, w, "b.txt", doc("3", "three"))
	replace(t, w, "c.txt", doc("4", "four"))
	moved := doc("5", "five")
	moved.Metadata = metadata.Raw([]byte(`{"source":"e.txt"}`))
	replace(t, w, "d.txt", moved)
	commit(t, w)
	must(t, w.Close())
	execute(t, dir, `DELETE FROM source WHERE name IN ('a.txt', 'b.txt', 'd.txt')`)
	problems, err := store.Repair(t.Context(), dir, engine.Options{})
	if err != nil || len(problems) != 4 || slices.ContainsFunc(problems, func(p store.Problem) bool { return !p.Repaired }) {
		t.Errorf("%+v, %v", problems, err)
	}
	var got []string
	for _, d := range list(t, open(t, dir), engine.ListOptions{}) {
		got = append(got, d.ID+" "+d.Source)
	}
	if diff := cmp.Diff([]string{"1 a.txt", "2 a.txt", "4 c.txt"}, got); diff != "" {
		t.Error(diff)
	}
	if left := kinds(t, dir); left != nil {
		t.Errorf("problems of the kinds %q", left)
	}
	if diff := cmp.Diff(map[string]int64{"a.txt": 2, "c.txt": 1}, sources(t, open(t, dir))); diff != "" {
		t.Error(diff)
	}
	src, found, err := open(t, dir).SourceByName(t.Context(), "a.txt")
	if err != nil || !found || src.Documents != 2 || len(src.Hash) != 0 {
		t.Errorf("%+v, %v, %v; want it to be read again", src, found, err)
	}
}
