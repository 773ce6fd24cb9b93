package loader

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// delimiters may separate cells. Where several fit the first does.
const delimiters = ",;\t|"

// csvDelimiter returns what separates the cells of a file: what the user says; what a first line "sep=;" says, which it
// consumes as spreadsheets do; a tab for a file called .tsv; else the delimiter that makes a text field a column of the
// header, or that makes the most columns.
func (r *Reader) csvDelimiter(in *bufio.Reader) (delimiter rune, skipped bool, err error) {
	head, _ := in.Peek(headSize)
	first, _, _ := bytes.Cut(head, []byte("\n"))
	if sep, ok := bytes.CutPrefix(bytes.TrimRight(first, "\r"), []byte("sep=")); ok && utf8.RuneCount(sep) == 1 {
		delimiter, _ = utf8.DecodeRune(sep)
		_, err = in.Discard(min(len(first)+1, len(head)))
		skipped = true
	}
	switch given, _ := utf8.DecodeRuneInString(r.opts.Delimiter); {
	case r.opts.Delimiter != "":
		return given, skipped, err
	case skipped:
		return delimiter, true, err
	}
	if strings.EqualFold(filepath.Ext(r.src.Name), ".tsv") {
		return '\t', false, nil
	}
	delimiter, most := ',', 0
	for _, d := range delimiters {
		rows := csv.NewReader(bytes.NewReader(head))
		rows.Comma, rows.LazyQuotes = d, true
		row, _ := rows.Read() // an error comes again when the file is read
		columns := len(row)
		if slices.ContainsFunc(row, func(name string) bool { return slices.Contains(r.opts.textFields(), strings.TrimSpace(name)) }) {
			columns = math.MaxInt
		}
		if columns > most {
			delimiter, most = d, columns
		}
	}
	if delimiter != ',' {
		r.remark("its cells are taken to be separated by %q", delimiter)
	}
	return delimiter, false, nil
}

// carriageReturns returns in with "\n" for each "\r" when the file has no other line ends.
func carriageReturns(in *bufio.Reader) *bufio.Reader {
	head, _ := in.Peek(headSize)
	if bytes.IndexByte(head, '\n') >= 0 || bytes.IndexByte(head, '\r') < 0 {
		return in
	}
	return bufio.NewReaderSize(lineEnds{in}, headSize)
}

type lineEnds struct{ in io.Reader }

func (l lineEnds) Read(p []byte) (int, error) {
	n, err := l.in.Read(p)
	for i, b := range p[:n] {
		if b == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
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
		if !utf8.ValidString(name) {
			return fmt.Errorf("column %d of the header is not UTF-8", i+1)
		}
		row[i] = strings.TrimSpace(name) // of "id, text"
	}
	t.unnamed = make([]bool, len(row))
	t.columns = t.distinct(row)
	for _, name := range t.opts.textFields() {
		if i := slices.Index(t.columns, name); i >= 0 && (len(t.text) == 0 || len(t.opts.TextFields) > 0) {
			t.text = append(t.text, i)
		}
	}
	t.id = slices.Index(t.columns, t.opts.IDField)
	t.vector = slices.Index(t.columns, t.opts.VectorField)
	if len(t.text) == 0 {
		return &NoTextError{t.opts.textFields(), row}
	}
	return nil
}

// distinct returns the names of columns with a name for each that has none, or that of an earlier one.
func (t *table) distinct(row []string) []string {
	names, taken := slices.Clone(row), map[string]bool{}
	for _, name := range row {
		taken[name] = true
	}
	seen := map[string]bool{}
	for i, name := range row {
		t.unnamed[i] = name == ""
		if name != "" && !seen[name] {
			seen[name] = true
			continue
		}
		names[i] = fmt.Sprintf("column %d", i+1)
		for taken[names[i]] {
			names[i] += "'"
		}
		taken[names[i]] = true
		t.renamed = append(t.renamed, names[i])
	}
	return names
}
