package store_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/engine"
	"sheaf/internal/faiss"
	"sheaf/internal/store"
)

var codedFacts = engine.Facts{Dim: 20, Metric: engine.L2}

// codedRows are documents with vectors at random, from number first up to end.
func codedRows(first, end int) (all []engine.Transfer) {
	for i := first; i < end; i++ {
		random := rand.New(rand.NewPCG(uint64(i), 5))
		v := make([]float32, codedFacts.Dim)
		for j := range v {
			v[j] = float32(random.NormFloat64())
		}
		all = append(all, transfer(fmt.Sprint("id-", i), fmt.Sprint("document ", i), fmt.Sprintf("s%d-%d.txt", first, i/40), v))
	}
	return all
}

// codedStore makes a store of n documents with codes and closes it.
func codedStore(t *testing.T, n int) (dir string) {
	t.Helper()
	w, dir := create(t, codedFacts)
	w.ForceCodes()
	_, err := importInto(t.Context(), w, transfers(codedRows(0, n)...), engine.OnConflictFail)
	must(t, err)
	must(t, w.Close())
	return dir
}

// codesFile is the path of a store's file of codes; "" where there is none.
func codesFile(t *testing.T, dir string) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "codes.*.sidecar"))
	if err != nil || len(all) > 1 {
		t.Fatalf("files of codes: %q, %v", all, err)
	}
	return slices.Concat(all, []string{""})[0]
}

// answersOf are what a store answers to some queries, by codes where it has them.
func answersOf(t *testing.T, dir string) []string {
	t.Helper()
	s := open(t, dir)
	defer s.Close()
	s.PreferCodes()
	var queries [][]float32
	for _, row := range codedRows(1000, 1007) {
		queries = append(queries, row.Vector)
	}
	hits, err := s.Search(t.Context(), queries, engine.SearchOptions{K: 5})
	must(t, err)
	var all []string
	for i := range hits {
		for _, h := range hits[i] {
			all = append(all, fmt.Sprint(h.ID, h.Score))
		}
	}
	return all
}

// plainAnswers are those of a copy of the store without codes.
func plainAnswers(t *testing.T, dir string) []string {
	t.Helper()
	plain := filepath.Join(t.TempDir(), ".sheaf")
	must(t, os.CopyFS(plain, os.DirFS(dir)))
	files, err := filepath.Glob(filepath.Join(plain, "codes.*.sidecar"))
	must(t, err)
	for _, file := range files {
		must(t, os.Remove(file))
	}
	return answersOf(t, plain)
}

// codesOf is how many rows of a store have codes.
func codesOf(t *testing.T, dir string) int64 {
	t.Helper()
	info, err := open(t, dir).Info(t.Context())
	must(t, err)
	return info.CodedRows
}

// Codes follow the rows as they are added, deleted and compacted.
func TestCodesFollow(t *testing.T) {
	t.Parallel()
	w, dir := create(t, codedFacts)
	w.ForceCodes()
	holds := func(what string, rows int64) {
		t.Helper()
		if got := codesOf(t, dir); got != rows {
			t.Errorf("%s: %d rows have codes, want %d", what, got, rows)
		}
		if diff := cmp.Diff(plainAnswers(t, dir), answersOf(t, dir)); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	for _, step := range []struct {
		first, end int
		rows       int64
	}{{0, 10, 0}, {10, 70, 64}, {70, 75, 64}, {75, 200, 192}} {
		_, err := importInto(t.Context(), w, transfers(codedRows(step.first, step.end)...), engine.OnConflictSkip)
		must(t, err)
		holds(fmt.Sprint(step.end, " documents"), step.rows)
	}
	set, _, err := w.SelectIDs(t.Context(), []string{"id-0", "id-33", "id-34", "id-190", "id-199"})
	must(t, err)
	must(t, w.Delete(t.Context(), set))
	holds("with deleted documents", 192)
	_, err = w.Compact(t.Context())
	must(t, err)
	holds("compacted", 192)
	must(t, w.Close())
	if got := kinds(t, dir); got != nil {
		t.Errorf("problems of the kinds %q", got)
	}
}

// Codes that are missing, cut, of another store or of another index file are not read;
// check tells, and repair and the next commit make them anew.
func TestCodesThatDoNotFit(t *testing.T) {
	t.Parallel()
	other := codedStore(t, 96)
	for name, spoil := range map[string]func(file string) error{
		"missing":                 os.Remove,
		"cut":                     func(file string) error { return os.Truncate(file, 1500) },
		"cut within the header":   func(file string) error { return os.Truncate(file, 50) },
		"empty":                   func(file string) error { return os.Truncate(file, 0) },
		"another store's":         func(file string) error { return copyOver(file, codesFile(t, other)) },
		"damaged in its header":   func(file string) error { return flip(file, 60) },
		"of another kind of file": func(file string) error { return flip(file, 0) },
		"a folder":                func(file string) error { os.Remove(file); return os.Mkdir(file, 0o777) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, mend := range []func(dir string){
				func(dir string) { store.Repair(t.Context(), dir, engine.Options{}) },
				func(dir string) { grow(t, dir, 100, 120) },
			} {
				dir := codedStore(t, 100)
				want := answersOf(t, dir)
				must(t, spoil(codesFile(t, dir)))
				if diff := cmp.Diff(want, answersOf(t, dir)); diff != "" {
					t.Error(diff)
				}
				if got := kinds(t, dir); !slices.Equal(got, []string{store.ProblemSlow}) {
					t.Errorf("problems of the kinds %q", got)
				}
				mend(dir)
				if got := kinds(t, dir); got != nil {
					t.Errorf("problems of the kinds %q after the repair", got)
				}
				if diff := cmp.Diff(plainAnswers(t, dir), answersOf(t, dir)); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// grow adds documents to a store by a writer that makes codes.
func grow(t *testing.T, dir string, first, end int) {
	t.Helper()
	w, err := store.OpenWriter(t.Context(), dir, engine.Options{})
	must(t, err)
	w.ForceCodes()
	_, err = importInto(t.Context(), w, transfers(codedRows(first, end)...), engine.OnConflictSkip)
	must(t, err)
	must(t, w.Close())
}

func copyOver(to, from string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o666)
}

// flip changes a byte of a file.
func flip(path string, at int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		return err
	}
	b[0] ^= 0x40
	_, err = f.WriteAt(b, at)
	return err
}

// Damage within the codes is found by check alone; a search may miss rows, which shows
// that it reads them.
func TestDamagedCodes(t *testing.T) {
	t.Parallel()
	dir := codedStore(t, 320)
	want := answersOf(t, dir)
	f, err := os.OpenFile(codesFile(t, dir), os.O_RDWR, 0)
	must(t, err)
	size, err := f.Seek(0, io.SeekEnd)
	must(t, err)
	zeros := make([]byte, size-2000)
	_, err = f.WriteAt(zeros, 2000)
	must(t, err)
	must(t, f.Close())
	if slices.Equal(answersOf(t, dir), want) {
		t.Error("the answers are the same: nobody reads the codes")
	}
	if got := kinds(t, dir); !slices.Equal(got, []string{store.ProblemCodes}) {
		t.Errorf("problems of the kinds %q", got)
	}
	problems, err := store.Repair(t.Context(), dir, engine.Options{})
	if err != nil || !problems[0].Repaired {
		t.Errorf("%+v, %v", problems, err)
	}
	if diff := cmp.Diff(want, answersOf(t, dir)); diff != "" {
		t.Error(diff)
	}
}

// More queries than share a pass are answered by codes as by vectors.
func TestManyQueriesByCodes(t *testing.T) {
	t.Parallel()
	dir := codedStore(t, 96)
	var queries [][]float32
	for _, row := range codedRows(2000, 2000+faiss.MaxQueries+30) {
		queries = append(queries, row.Vector)
	}
	var all [2][][]engine.Hit
	for i := range all {
		s := open(t, dir)
		if i == 0 {
			s.PreferCodes()
		}
		var err error
		all[i], err = s.Search(t.Context(), queries, engine.SearchOptions{K: 3})
		must(t, err)
	}
	if diff := cmp.Diff(all[1], all[0]); diff != "" {
		t.Error(diff)
	}
}

// Codes of other vectors, which a copy of an older state brings back, are found too.
func TestCodesOfOtherVectors(t *testing.T) {
	t.Parallel()
	dir := codedStore(t, 64)
	vectors, err := os.OpenFile(indexFile(t, dir), os.O_RDWR, 0)
	must(t, err)
	_, err = vectors.WriteAt([]byte{1, 2, 3}, 100)
	must(t, err)
	must(t, vectors.Close())
	if got := kinds(t, dir); !slices.Equal(got, []string{store.ProblemVectors, store.ProblemCodes}) {
		t.Errorf("problems of the kinds %q", got)
	}
}

// A row of table sidecar that no writer wrote names nothing.
func TestHostileSidecar(t *testing.T) {
	t.Parallel()
	for _, row := range []string{
		`'codes', -1, 96`, `'codes', 0, 96`, `'codes', 1, 100`, `'codes', 1, -16`, `'codes', 1, 9223372036854775807`, `'codes', 7, 96`,
	} {
		dir := codedStore(t, 99)
		want := answersOf(t, dir)
		execute(t, dir, `REPLACE INTO sidecar VALUES (`+row+`)`)
		if diff := cmp.Diff(want, answersOf(t, dir)); diff != "" {
			t.Errorf("%s: %s", row, diff)
		}
		grow(t, dir, 99, 120)
		if got := codesOf(t, dir); got != 112 {
			t.Errorf("%s: %d rows have codes after the next commit", row, got)
		}
		if diff := cmp.Diff(plainAnswers(t, dir), answersOf(t, dir)); diff != "" {
			t.Errorf("%s: %s", row, diff)
		}
	}
}
