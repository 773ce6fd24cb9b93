package cmd

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"sheaf/internal/question"
	"sheaf/internal/vector"
	"sheaf/internal/words"
)

// query is a query of a batch: a text, a vector, or the error of a malformed one.
type query struct {
	id     string
	text   string      // as it was typed
	asked  words.Asked // of text
	vector []float32
	err    error
	looked lookedAt // by the search
	last   bool     // no more input is buffered, so this one is to be answered before reading on
}

// newQuery returns the query of a question, or of the error that reading it gave.
func newQuery(q question.Question, err error) query {
	return query{id: q.ID, text: q.Text, vector: q.Vector, err: err}
}

// hasMarks reports whether the query has quotes or dashes that set conditions where these count.
func (q *query) hasMarks() bool {
	asked, err := words.Parse(q.text)
	return err != nil || asked.Condition != nil
}

// textQuery returns the query of a line of text.
func textQuery(line string) query { return newQuery(question.FromText(line)) }

// jsonQuery returns the query of a JSON object.
func jsonQuery(line string) query { return newQuery(question.FromJSON([]byte(line))) }

// vectorQuery returns the query of a line with a vector.
func vectorQuery(line string) query {
	v, err := vector.Parse(line)
	return query{vector: v, err: err}
}

// queries yields the queries in r: lines, which plain parses, or, where the first
// byte is a brace, JSON objects, one a line. A malformed query has its error in
// err and does not end the sequence. Blank lines are passed over, and count in the
// numbers that are ids.
func queries(r io.Reader, plain func(line string) query) iter.Seq2[query, error] {
	return func(yield func(query, error) bool) {
		b := bufio.NewReaderSize(r, 1<<20)
		if mark, _ := b.Peek(3); string(mark) == "\ufeff" {
			_, _ = b.Discard(3)
		}
		read := plain
		if first, _ := b.Peek(1); string(first) == "{" {
			read = jsonQuery
		}
		for n := 1; ; n++ {
			line, err := b.ReadString('\n')
			if err != nil && err != io.EOF {
				yield(query{}, fmt.Errorf("reading queries: %w", err))
				return
			}
			line = strings.TrimRight(line, "\r\n")
			if strings.TrimSpace(line) == "" {
				if err == io.EOF {
					return
				}
				continue
			}
			q := read(line)
			if q.id == "" {
				q.id = strconv.Itoa(n)
			}
			rest, _ := b.Peek(b.Buffered())
			q.last = len(bytes.TrimSpace(rest)) == 0
			if !yield(q, nil) || err == io.EOF {
				return
			}
		}
	}
}

// vectorQueries yields the rows of a vector file as queries.
func vectorQueries(rows iter.Seq2[vector.Row, error]) iter.Seq2[query, error] {
	return func(yield func(query, error) bool) {
		for r, err := range rows {
			if err != nil && !as[*vector.Error](err) {
				yield(query{}, err)
				return
			}
			if !yield(query{id: strconv.Itoa(r.Number), vector: r.Vector, err: err}, nil) {
				return
			}
		}
	}
}
