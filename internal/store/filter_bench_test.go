package store

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/filter"
	"sheaf/internal/metadata"
	"sheaf/internal/sqlite"
)

// BenchmarkFilter compares the two evaluations on 100,000 documents with a
// metadata object each: over typed rows, and by Match on every document.
// "candidates" is Match on 400 documents, as a search tests them.
func BenchmarkFilter(b *testing.B) {
	const documents = 100_000
	s := benchmarkStore(b, documents)
	all := take(s.present.Iterator(), documents)
	for _, bench := range []struct{ name, expr string }{
		{"0.03%", `{"n": {"$gte": 50000, "$lt": 50030}}`},
		{"3%", `{"n": {"$lt": 3000}}`},
		{"60%", `{"n": {"$lt": 60000}}`},
		{"33%", `lang=de`},
		{"two keys", `{"lang": "de", "n": {"$gte": 50000, "$lt": 50300}}`},
		{"not", `lang!=de`},
		{"glob", `source~dir/file4?2.txt`},
		{"contains", `{"tags": {"$contains": "t77"}}`},
		{"path", `{"loc.line": 77}`},
	} {
		f, err := filter.Parse(bench.expr)
		if err != nil {
			b.Fatal(err)
		}
		run := func(way string, evaluate func() error) {
			b.Run(bench.name+"/"+way, func(b *testing.B) {
				for b.Loop() {
					if err := evaluate(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		run("rows", func() error { _, err := s.matching(f, noLimit); return err })
		run("match", func() error { _, err := s.matches(f, all); return err })
		run("candidates", func() error { _, err := s.matches(f, all[:400]); return err })
	}
}

func benchmarkStore(b *testing.B, documents int) *tx {
	conn, err := sqlite.Open(filepath.Join(b.TempDir(), databaseName), sqlite.Create)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	for _, d := range definitions(0, formatVersion) {
		if err := conn.Exec(d.create); err != nil {
			b.Fatal(err)
		}
	}
	if err := conn.Exec("BEGIN"); err != nil {
		b.Fatal(err)
	}
	s := &tx{Conn: conn, state: &state{present: roaring.New(), dead: roaring.New(), count: int64(documents)}}
	s.present.AddRange(0, uint64(documents))
	const insert = `INSERT INTO document VALUES (?, ?, 1, ?, 0, 0, 0, 0, 0, x'', 'a text')`
	for n := range documents {
		meta, err := s.intern(metadata.Raw(fmt.Appendf(nil, `{"n":%d,"lang":%q,"source":"dir/file%d.txt","tags":["t%d","t%d"],"loc":{"line":%d}}`,
			n, []string{"en", "de", "fr"}[n%3], n/100, n%100, n%7, n%500)))
		if err != nil {
			b.Fatal(err)
		}
		if err := conn.Exec(insert, n, fmt.Sprint(n), meta); err != nil {
			b.Fatal(err)
		}
	}
	// As in the store, what is measured happens inside a transaction.
	for _, query := range []string{"COMMIT", "BEGIN"} {
		if err := conn.Exec(query); err != nil {
			b.Fatal(err)
		}
	}
	return s
}
