package store

import (
	"context"
	"errors"
	"strings"

	"sheaf/internal/sqlite"
)

// metaField is a row of table field.
type metaField struct {
	field
	meta int64
}

// fieldSorter sorts rows of table field while other things are done: in a
// goroutine of its own, with a database of its own, whose file has no name and
// goes with it. Rows come and go by so many at a time, for a statement costs
// more than a row.
type fieldSorter struct {
	rows    []metaField // added last
	in, out chan []metaField
	cancel  context.CancelFunc
	err     error // valid once out is closed
}

const (
	fieldRows    = 100
	fieldsSorted = `SELECT key, value, kind, meta FROM field ORDER BY key, value, kind, meta`
)

func newFieldSorter() *fieldSorter {
	ctx, cancel := context.WithCancel(context.Background())
	s := &fieldSorter{in: make(chan []metaField, 4), out: make(chan []metaField, 4), cancel: cancel}
	go func() {
		defer close(s.out)
		s.err = s.run(ctx)
	}()
	return s
}

// add takes the typed rows of a metadata object.
func (s *fieldSorter) add(meta int64, fields []field) error {
	for _, f := range fields {
		if s.rows = append(s.rows, metaField{f, meta}); len(s.rows) < fieldRows {
			continue
		}
		if err := s.flush(); err != nil {
			return err
		}
	}
	return nil
}

func (s *fieldSorter) flush() error {
	rows := s.rows
	s.rows = make([]metaField, 0, fieldRows)
	select {
	case s.in <- rows:
		return nil
	case <-s.out: // nothing comes from there yet: it is closed, for run has failed
		return s.err
	}
}

// sort ends adding: the rows come from out, and then err holds.
func (s *fieldSorter) sort() error {
	defer close(s.in)
	return s.flush()
}

// stop ends whatever is done, and waits for that.
func (s *fieldSorter) stop() {
	s.cancel()
	for range s.out {
	}
}

func (s *fieldSorter) run(ctx context.Context) (err error) {
	conn, err := sqlite.Open("", sqlite.Create)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	conn.SetContext(ctx)
	for _, statement := range []string{
		"PRAGMA temp_store = FILE", "PRAGMA cache_size = -8192",
		"CREATE TABLE field (key, value, kind, meta)", "BEGIN",
	} {
		if err := conn.Exec(statement); err != nil {
			return err
		}
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case rows, ok := <-s.in:
			if !ok {
				return s.send(ctx, conn)
			}
			if err := insertFieldRows(conn, rows); err != nil {
				return err
			}
		}
	}
}

// send passes the rows on in their order.
func (s *fieldSorter) send(ctx context.Context, conn *sqlite.Conn) error {
	rows := make([]metaField, 0, fieldRows)
	flush := func() error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case s.out <- rows:
			rows = make([]metaField, 0, fieldRows)
			return nil
		}
	}
	for row, err := range conn.Query(fieldsSorted) {
		if err != nil {
			return err
		}
		f := field{row.Text(0), row.Int(2), column(row, 1)}
		if rows = append(rows, metaField{f, row.Int64(3)}); len(rows) < fieldRows {
			continue
		}
		if err := flush(); err != nil {
			return err
		}
	}
	return flush()
}

// insertFieldRows adds rows to a table field, the store's or a sorter's.
func insertFieldRows(conn *sqlite.Conn, rows []metaField) error {
	if len(rows) == 0 {
		return nil
	}
	query := `INSERT INTO field VALUES (?, ?, ?, ?)` + strings.Repeat(`, (?, ?, ?, ?)`, len(rows)-1)
	args := make([]any, 0, 4*len(rows))
	for _, f := range rows {
		args = append(args, f.key, f.value, f.kind, f.meta)
	}
	return conn.Exec(query, args...)
}
