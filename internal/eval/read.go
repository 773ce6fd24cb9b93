package eval

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"sheaf/internal/question"
)

// Read reads questions: JSON objects, one a line, where the first byte is a brace;
// else a table, tabs, commas or semicolons between its cells, where the first line
// names the columns question and expected; else texts of which nothing is known to be
// expected, one a line. A question that has no id gets the number of its line. One
// that is malformed has its error in Err.
func Read(r io.Reader) ([]Question, error) {
	b := skipMark(r)
	if first, _ := b.Peek(1); string(first) == "{" {
		return readLines(b, parseObject)
	}
	start, _ := b.Peek(headerSize) // an error comes again when the lines are read
	header, _, _ := strings.Cut(string(start), "\n")
	if comma, ok := tableComma(header); ok {
		return readTable(b, comma)
	}
	return readLines(b, func(line string) Question {
		q, err := question.FromText(line)
		return Question{Question: q, Err: err}
	})
}

// headerSize is how much of a file is looked at to find the names of columns.
const headerSize = 64 << 10

// skipMark returns a reader of r behind a byte order mark.
func skipMark(r io.Reader) *bufio.Reader {
	b := bufio.NewReaderSize(r, headerSize)
	if mark, _ := b.Peek(3); string(mark) == "\ufeff" {
		_, _ = b.Discard(3)
	}
	return b
}

// eachLine calls use with the lines that are not blank, and their numbers. what is
// read is for errors.
func eachLine(r *bufio.Reader, what string, use func(n int, line string) error) error {
	for n := 1; ; n++ {
		line, err := r.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("reading %s: %w", what, err)
		}
		if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) != "" {
			if err := use(n, line); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
	}
}

// readLines reads a question from each line.
func readLines(r *bufio.Reader, parse func(line string) Question) (all []Question, err error) {
	err = eachLine(r, "questions", func(n int, line string) error {
		q := parse(line)
		if q.ID == "" {
			q.ID = strconv.Itoa(n)
		}
		all = append(all, q)
		return nil
	})
	return all, err
}

// parseObject reads a question of search --queries with what is expected.
func parseObject(line string) Question {
	var q Question
	if q.Question, q.Err = question.FromJSON([]byte(line)); q.Err != nil {
		return q
	}
	var in struct {
		Expect *[]string       `json:"expect"`
		Grades map[string]int  `json:"grades"`
		Filter json.RawMessage `json:"filter"`
		Tags   []string        `json:"tags"`
	}
	if err := json.Unmarshal([]byte(line), &in); err != nil {
		q.Err = question.Malformed(err)
		return q
	}
	q.Tags, q.Labelled = in.Tags, in.Expect != nil || in.Grades != nil
	if in.Expect != nil {
		for _, name := range *in.Expect {
			if _, graded := in.Grades[name]; !graded {
				q.Labels = append(q.Labels, Label{name, 1})
			}
		}
	}
	for name, grade := range in.Grades {
		if q.Err = checkGrade(grade); q.Err != nil {
			return q
		}
		q.Labels = append(q.Labels, Label{name, grade})
	}
	slices.SortStableFunc(q.Labels, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
	q.Filters, q.Err = parseFilters(in.Filter)
	return q
}

// parseFilters reads filters: an object in LangChain's syntax, a text, or a list of these.
func parseFilters(raw json.RawMessage) ([]string, error) {
	var one string
	var many []json.RawMessage
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return nil, nil
	case raw[0] == '{':
		return []string{string(raw)}, nil
	case json.Unmarshal(raw, &one) == nil:
		return []string{one}, nil
	case json.Unmarshal(raw, &many) != nil:
		return nil, fmt.Errorf("a filter is a text or an object, not %.40s", raw)
	}
	var all []string
	for _, part := range many {
		if len(part) > 0 && part[0] == '[' {
			return nil, fmt.Errorf("a filter is a text or an object, not %.40s", part)
		}
		filters, err := parseFilters(part)
		if err != nil {
			return nil, err
		}
		all = append(all, filters...)
	}
	return all, nil
}

// The columns of a table of questions.
const (
	columnQuestion = "question"
	columnExpected = "expected"
	columnID       = "id"
)

// tableComma returns what divides the cells of a table, if its header names the columns.
func tableComma(header string) (comma rune, ok bool) {
	for _, comma := range "\t,;" {
		record, err := csvReader(strings.NewReader(header), comma).Read()
		names := columns(record)
		_, question := names[columnQuestion]
		_, expected := names[columnExpected]
		if err == nil && question && expected {
			return comma, true
		}
	}
	return 0, false
}

func csvReader(r io.Reader, comma rune) *csv.Reader {
	c := csv.NewReader(r)
	c.Comma, c.FieldsPerRecord, c.LazyQuotes = comma, -1, true
	return c
}

// columns returns the positions of the columns by their names.
func columns(header []string) map[string]int {
	at := map[string]int{}
	for i, name := range header {
		at[strings.ToLower(strings.TrimSpace(name))] = i
	}
	return at
}

// readTable reads a table of questions. Rows that follow each other with the same question and id
// are one question that expects all of theirs; an empty cell expects nothing.
func readTable(r io.Reader, comma rune) (all []Question, err error) {
	c := csvReader(r, comma)
	header, err := c.Read()
	if err != nil {
		return nil, tableError(err)
	}
	at := columns(header)
	cell := func(record []string, column string) string {
		if i, ok := at[column]; ok && i < len(record) {
			return strings.TrimSpace(record[i])
		}
		return ""
	}
	for {
		record, err := c.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, tableError(err)
		}
		text, id, expected := cell(record, columnQuestion), cell(record, columnID), cell(record, columnExpected)
		if last := len(all) - 1; last < 0 || text != all[last].Text || text == "" || id != "" && id != all[last].ID {
			q, err := question.FromText(text)
			if q.ID = id; id == "" {
				line, _ := c.FieldPos(0)
				q.ID = strconv.Itoa(line)
			}
			all = append(all, Question{Question: q, Labelled: true, Err: err})
		}
		if q := &all[len(all)-1]; expected != "" {
			q.Labels = append(q.Labels, Label{expected, 1})
		}
	}
}

func tableError(err error) error {
	var malformed *csv.ParseError
	if errors.As(err, &malformed) {
		return &SyntaxError{"questions", malformed.Line, malformed.Err.Error()}
	}
	return fmt.Errorf("reading questions: %w", err)
}
