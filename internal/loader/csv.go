package loader

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"sheaf/internal/metadata"
	"sheaf/internal/vector"
)

// errLongRow ends the reading of a file: after a quote that is never closed no next row can be found.
var errLongRow = fmt.Errorf("row longer than %s; is a quote not closed?", formatSize(maxRecord))

// csv reads the rows of a table whose first row names the columns.
func (r *Reader) csv(yield func(Record, error) bool) error {
	in, err := r.records(true)
	if err != nil {
		return err
	}
	limited := &rowLimiter{in: in, limit: int64(r.maxRecord)}
	rows := csv.NewReader(limited)
	if strings.EqualFold(filepath.Ext(r.src.Name), ".tsv") {
		rows.Comma = '\t'
	}
	// Tab-separated files are often written without quoting, so that a quote is a character like others.
	rows.LazyQuotes = rows.Comma == '\t'
	limited.read = rows.InputOffset
	t := table{opts: r.opts}
	if err := t.header(rows.Read()); err != nil || t.columns == nil {
		return err
	}
	for {
		row, err := rows.Read()
		if err == io.EOF {
			return nil
		}
		var rec Record
		var syntax *csv.ParseError
		switch {
		case errors.As(err, &syntax):
			err = &RecordError{Line: syntax.StartLine, Err: rowError(syntax, len(row), len(t.columns))}
		case err != nil:
			return err
		default:
			line, _ := rows.FieldPos(0)
			if rec, err = t.record(row); err != nil {
				rec, err = Record{}, &RecordError{Line: line, Err: err}
			} else {
				rec.Line = line
			}
		}
		if !yield(rec, err) {
			return errStopped
		}
	}
}

// rowError returns what is wrong with a row, without its line, which the RecordError has.
func rowError(e *csv.ParseError, cells, columns int) error {
	if errors.Is(e.Err, csv.ErrFieldCount) {
		return fmt.Errorf("%d cells for %d columns", cells, columns)
	}
	return fmt.Errorf("column %d: %w", e.Column, e.Err)
}

// rowLimiter is a reader that fails when a row is longer than limit.
type rowLimiter struct {
	in    io.Reader
	limit int64
	given int64
	read  func() int64 // returns how many bytes the rows read so far have
}

func (l *rowLimiter) Read(p []byte) (int, error) {
	if l.given-l.read() > l.limit {
		return 0, errLongRow
	}
	n, err := l.in.Read(p)
	l.given += int64(n)
	return n, err
}

// table makes records of rows.
type table struct {
	opts    ReadOptions
	columns []string
	meta    metadata.Builder
	text    int // numbers of the columns that are not metadata, -1 for none
	id      int
	vector  int
}

// header takes the names of the columns. A file without a row has no columns.
func (t *table) header(row []string, err error) error {
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return err
	}
	for i, name := range row {
		if name == "" {
			return fmt.Errorf("column %d of the header has no name", i+1)
		}
		if slices.Index(row, name) < i {
			return fmt.Errorf("the header names column %q twice", name)
		}
		if !utf8.ValidString(name) {
			return fmt.Errorf("column %d of the header is not UTF-8", i+1)
		}
	}
	t.text = slices.Index(row, t.opts.TextField)
	t.id = slices.Index(row, t.opts.IDField)
	t.vector = slices.Index(row, t.opts.VectorField)
	if t.text < 0 {
		return fmt.Errorf("no column %q in the header (it has %s)", t.opts.TextField, strings.Join(row, ", "))
	}
	t.columns = row
	return nil
}

func (t *table) record(row []string) (Record, error) {
	var rec Record
	t.meta.Reset()
	for i, cell := range row {
		if !utf8.ValidString(cell) {
			return rec, fmt.Errorf("column %q is not UTF-8", t.columns[i])
		}
		var err error
		switch i {
		case t.text:
			rec.Text = cell
		case t.id:
			rec.ID = cell
		case t.vector:
			if strings.TrimSpace(cell) == "" {
				continue
			}
			if rec.Vector, err = vector.Parse(cell); err != nil {
				return rec, fmt.Errorf("column %q: %w", t.columns[i], err)
			}
		default:
			t.meta.Set(t.columns[i], t.value(cell))
		}
	}
	rec.Metadata = t.meta.Object()
	return rec, nil
}

// value returns a cell as JSON.
func (t *table) value(cell string) []byte {
	if !t.opts.DetectTypes {
		return metadata.Quote(cell)
	}
	switch lower := strings.ToLower(cell); lower {
	case "":
		return []byte("null")
	case "true", "false":
		return []byte(lower)
	}
	if raw := []byte(cell); isNumber(raw) && json.Valid(raw) && strings.TrimSpace(cell) == cell {
		return raw
	}
	return metadata.Quote(cell)
}
