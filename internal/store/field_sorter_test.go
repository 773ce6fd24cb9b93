package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"sheaf/internal/sqlite"
)

// someFields makes typed rows of all kinds for n metadata objects.
func someFields(t *testing.T, s *fieldSorter, n int) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	for meta := range int64(n) {
		object := fmt.Sprintf(`{"n":%d,"f":%g,"s":"t%d","b":%v,"none":null,"list":[%d]}`, r.IntN(50), r.Float64(), r.IntN(50), meta%2 == 0, r.IntN(9))
		fields, err := fieldsOf([]byte(object))
		if err == nil {
			err = s.add(meta, fields)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestFieldSorter: all rows come, of every kind, in the order of the primary key.
func TestFieldSorter(t *testing.T) {
	t.Parallel()
	const n = 777
	s := newFieldSorter()
	defer s.stop()
	someFields(t, s, n)
	if err := s.sort(); err != nil {
		t.Fatal(err)
	}
	conn, err := sqlite.Open(":memory:", sqlite.Create)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Exec("CREATE TABLE field (key, value, kind, meta)"); err != nil {
		t.Fatal(err)
	}
	for rows := range s.out {
		if err := insertFieldRows(conn, rows); err != nil {
			t.Fatal(err)
		}
	}
	if s.err != nil {
		t.Fatal(s.err)
	}
	var rows, kinds, outOfOrder int
	query := `SELECT count(*), count(DISTINCT kind), (SELECT count(*) FROM field a JOIN field b ON b.rowid = a.rowid + 1
		WHERE (a.key, a.value, a.kind, a.meta) >= (b.key, b.value, b.kind, b.meta)) FROM field`
	for row, err := range conn.Query(query) {
		if err != nil {
			t.Fatal(err)
		}
		rows, kinds, outOfOrder = row.Int(0), row.Int(1), row.Int(2)
	}
	if rows != 6*n || kinds != 6 || outOfOrder != 0 {
		t.Errorf("%d rows of %d kinds, %d out of order", rows, kinds, outOfOrder)
	}
}

// TestFieldSorterThatIsStopped: it ends at once, and what is added then fails.
func TestFieldSorterThatIsStopped(t *testing.T) {
	t.Parallel()
	s := newFieldSorter()
	someFields(t, s, 100)
	s.stop()
	if s.err == nil {
		t.Error("it ended as if it were done")
	}
	fields, err := fieldsOf([]byte(`{"n":1}`))
	for i := int64(0); err == nil && i < 10*fieldRows; i++ {
		err = s.add(i, fields)
	}
	if !errors.Is(err, s.err) {
		t.Errorf("%v, want %v", err, s.err)
	}
	sorted := newFieldSorter()
	someFields(t, sorted, 1000)
	if err := sorted.sort(); err != nil {
		t.Fatal(err)
	}
	sorted.stop()
}
