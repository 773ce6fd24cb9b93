package loader

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	in = carriageReturns(in)
	delimiter, skipped, err := r.csvDelimiter(in)
	if err != nil {
		return err
	}
	before := 0 // lines before those that rows counts
	if skipped {
		before = 1
	}
	limited := &rowLimiter{in: in, limit: int64(r.maxRecord), err: errLongRow}
	rows := csv.NewReader(limited)
	rows.Comma = delimiter
	// Tab-separated files are often written without quoting, so that a quote is a character like others.
	rows.LazyQuotes = rows.Comma == '\t'
	limited.read = rows.InputOffset
	t := table{opts: r.opts}
	if err := t.header(rows.Read()); err != nil || t.columns == nil {
		return err
	}
	if len(t.renamed) > 0 {
		r.remark("columns without a name of their own are called %s", quoted(t.renamed))
	}
	defer func() {
		if t.short > 0 {
			r.remark("%d rows have fewer cells than the header has columns: the others count as empty", t.short)
		}
	}()
	for {
		row, err := rows.Read()
		if err == io.EOF {
			return nil
		}
		line := before
		if syntax := (*csv.ParseError)(nil); errors.As(err, &syntax) {
			line += syntax.StartLine
		} else if err == nil {
			at, _ := rows.FieldPos(0)
			line += at
		}
		rec, err := t.parse(row, line, err)
		if bad := (*RecordError)(nil); err != nil && !errors.As(err, &bad) {
			return err
		}
		if !yield(rec, err) {
			return errStopped
		}
	}
}

// parse returns the record of a row, or why it is none.
func (t *table) parse(row []string, line int, err error) (Record, error) {
	var syntax *csv.ParseError
	switch {
	case errors.Is(err, csv.ErrFieldCount) && t.trailing(row):
		row = row[:len(t.columns)]
	case errors.Is(err, csv.ErrFieldCount) && len(row) < len(t.columns) && len(row) > slices.Max(t.text):
		t.short++
		row = append(row, make([]string, len(t.columns)-len(row))...)
	case errors.As(err, &syntax):
		return Record{}, &RecordError{Line: line, Err: rowError(syntax, len(row), len(t.columns))}
	case err != nil:
		return Record{}, err
	}
	rec, err := t.record(row)
	if err != nil {
		return Record{}, &RecordError{Line: line, Err: err}
	}
	rec.Line = line
	return rec, nil
}

// trailing reports whether a row has more cells than there are columns, and all of those are empty.
func (t *table) trailing(row []string) bool {
	return len(row) > len(t.columns) && !slices.ContainsFunc(row[len(t.columns):], func(cell string) bool { return cell != "" })
}

// rowError returns what is wrong with a row, without its line, which the RecordError has.
func rowError(e *csv.ParseError, cells, columns int) error {
	if errors.Is(e.Err, csv.ErrFieldCount) {
		return fmt.Errorf("%d cells for %d columns", cells, columns)
	}
	if e.Line > e.StartLine {
		return fmt.Errorf("%w: the %d lines that begin here are not read", e.Err, e.Line-e.StartLine+1)
	}
	return fmt.Errorf("column %d: %w", e.Column, e.Err)
}

// rowLimiter is a reader that fails with err when a row is longer than limit.
type rowLimiter struct {
	in    io.Reader
	limit int64
	err   error
	given int64
	read  func() int64 // returns how many bytes the rows read so far have
}

func (l *rowLimiter) Read(p []byte) (int, error) {
	if l.given-l.read() > l.limit {
		return 0, l.err
	}
	n, err := l.in.Read(p)
	l.given += int64(n)
	return n, err
}

// table makes records of rows.
type table struct {
	opts    ReadOptions
	columns []string
	unnamed []bool   // columns whose name was made up because they had none
	short   int      // rows with fewer cells
	renamed []string // names that were made up
	meta    metadata.Builder
	text    []int // numbers of the columns that hold the text, whose cells are joined by line breaks
	id      int   // and of those with the id and the vector, -1 for none
	vector  int
}

func (t *table) record(row []string) (Record, error) {
	var rec Record
	t.meta.Reset()
	for i, cell := range row {
		if !utf8.ValidString(cell) {
			return rec, fmt.Errorf("column %q is not UTF-8", t.columns[i])
		}
		var err error
		switch {
		case slices.Contains(t.text, i):
		case i == t.id:
			rec.ID = cell
		case i == t.vector:
			if strings.TrimSpace(cell) == "" {
				continue
			}
			if rec.Vector, err = vector.Parse(cell); err != nil {
				return rec, fmt.Errorf("column %q: %w", t.columns[i], err)
			}
		default:
			if cell == "" && t.unnamed[i] { // a delimiter at the end of each line
				continue
			}
			t.meta.Set(t.columns[i], t.value(cell))
		}
	}
	rec.Text, rec.Metadata = t.textOf(row), t.meta.Object()
	return rec, nil
}

func (t *table) textOf(row []string) string {
	if len(t.text) == 1 {
		return row[t.text[0]]
	}
	var cells []string
	for _, i := range t.text {
		if row[i] != "" {
			cells = append(cells, row[i])
		}
	}
	return strings.Join(cells, "\n")
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
