package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"pgregory.net/rapid"

	"sheaf/internal/filter"
	"sheaf/internal/filter/filtertest"
	"sheaf/internal/metadata"
	"sheaf/internal/sqlite"
)

// TestFilterProperty holds the evaluation over typed rows against Match, on
// random metadata and random filters.
func TestFilterProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		metadata := rapid.SliceOfN(rapid.Custom(filtertest.Metadata), 1, 30).Draw(t, "metadata")
		s := memoryStore(t, metadata)
		defer s.Close()
		for range 5 {
			expr := rapid.Custom(filtertest.Expr).Draw(t, "filter")
			f, err := filter.Parse(expr)
			if err != nil {
				t.Fatalf("the generator writes no filter: %v", err)
			}
			checkFilter(t, s, f, expr, metadata)
		}
	})
}

func checkFilter(t *rapid.T, s *tx, f *filter.Filter, expr string, metadata []string) {
	want := roaring.New()
	visible := roaring.AndNot(s.state.present, s.state.dead)
	for it := visible.Iterator(); it.HasNext(); {
		n := it.Next()
		ok, err := f.Of(filtertest.Sources[int(n)%len(filtertest.Sources)]).Match(json.RawMessage(metadata[int(n)%len(metadata)]))
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			want.Add(n)
		}
	}
	got, err := s.matching(f, noLimit)
	if err != nil || !got.Equals(want) {
		t.Fatalf("%s: rows give %v (%v), Match gives %v", expr, got, err, want)
	}
	switch got, err := s.matching(f, rapid.IntRange(0, 60).Draw(t, "limit")); {
	case errors.Is(err, filter.ErrLimit):
	case err != nil || !got.Equals(want):
		t.Fatalf("%s: rows within a limit give %v (%v), Match gives %v", expr, got, err, want)
	}
	numbers := take(visible.Iterator(), 1000)
	verdicts, err := s.matches(f, numbers)
	for i, matched := range verdicts {
		if err != nil || matched != want.Contains(uint32(numbers[i])) {
			t.Fatalf("%s: matches gives %v for %v (%v), Match gives %v", expr, verdicts, numbers, err, want)
		}
	}
}

// Metadata that is damaged is an error of the store, whichever way it is read.
func TestFilterReportsDamage(t *testing.T) {
	t.Parallel()
	parse := func(expr string) *filter.Filter {
		f, err := filter.Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	tests := []struct {
		damage, filter string
		rows, matches  string // errors of the two ways, "" where the damage is not met
	}{
		{`UPDATE field SET value = x'5b' WHERE key = 'list'`, `{"list": {"$contains": 1}}`, "damaged: metadata is not", ""},
		{`UPDATE meta SET json = '{'`, `{"n": 1}`, "", "damaged: metadata 1 is not"},
		{`UPDATE meta SET json = '{'`, `{"n": 1, "odd": true}`, "damaged: metadata is not", "damaged: metadata 1 is not"},
		{`DELETE FROM meta`, `{"n": 1, "odd": true}`, "damaged: metadata 2 is missing", "damaged: document 0 is missing"},
		{`DROP TABLE field`, `{"n": 1}`, "no such table", ""},
		{`DROP TABLE document`, `{"n": 1}`, "no such table", "no such table"},
	}
	for _, tt := range tests {
		var metadata []string
		for n := range 300 {
			metadata = append(metadata, fmt.Sprintf(`{"n":%d,"odd":%v,"list":[%d]}`, n, n%2 == 1, n))
		}
		s := memoryStore(t, metadata)
		defer s.Close()
		if err := s.Exec(tt.damage); err != nil {
			t.Fatal(err)
		}
		_, err := s.matching(parse(tt.filter), 100)
		checkError(t, tt.damage+": matching", err, tt.rows)
		_, err = s.matches(parse(tt.filter), []int64{0})
		checkError(t, tt.damage+": matches", err, tt.matches)
	}
}

// checkError holds an error against a part of its message; none is wanted where that is empty.
func checkError(t *testing.T, what string, err error, want string) {
	t.Helper()
	if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v, want %q", what, err, want)
	}
}

type fataler interface{ Fatal(args ...any) }

// memoryStore is a transaction on a store in memory that has two documents of each metadata object, in turns, of which
// every seventh is dead; and one of each that is staged.
func memoryStore(t fataler, objects []string) *tx {
	conn, err := sqlite.Open(":memory:", sqlite.Create)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range definitions(0, formatVersion) {
		if err := conn.Exec(d.create); err != nil {
			t.Fatal(err)
		}
	}
	s := &tx{Conn: conn, state: &state{present: roaring.New(), dead: roaring.New()}}
	const insert = `INSERT INTO document VALUES (?, ?, ?, ?, 0, 0, 0, 0, 0, x'', '')`
	for i, name := range filtertest.Sources {
		if err := conn.Exec(`INSERT INTO source VALUES (?, ?, ?, 0, 0, x'', '', 0)`, i, name, name); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 3 * len(objects) {
		meta, err := s.intern(metadata.Raw([]byte(objects[n%len(objects)])))
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Exec(insert, n, fmt.Sprint(n), n%len(filtertest.Sources), meta); err != nil {
			t.Fatal(err)
		}
	}
	s.state.count = int64(2 * len(objects))
	s.state.present.AddRange(0, uint64(s.state.count))
	for n := uint32(3); int64(n) < s.state.count; n += 7 {
		s.state.dead.Add(n)
	}
	return s
}
