package cmd

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"sheaf/internal/vector"
)

// query is a query of a batch: a text, a vector, or the error of a malformed one.
type query struct {
	id     string
	text   string
	vector []float32
	err    error
	last   bool // no more input is buffered, so this one is to be answered before reading on
}

// textQuery returns the query of a line of text.
func textQuery(line string) query {
	if strings.TrimSpace(line) == "" {
		return query{err: errors.New("an empty query")}
	}
	return query{text: line}
}

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

// jsonQuery parses {"query"|"vector": …, "id"?: …} and ignores other fields.
func jsonQuery(line string) query {
	var in struct {
		ID     json.RawMessage `json:"id"`
		Query  *string         `json:"query"`
		Vector json.RawMessage `json:"vector"`
	}
	malformed := json.Unmarshal([]byte(line), &in)
	id, err := queryID(in.ID) // set even where another field has a wrong type
	if malformed != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(malformed, &kind) {
			malformed = fmt.Errorf("%q cannot be a JSON %s", kind.Field, kind.Value)
			if kind.Field == "" {
				malformed = fmt.Errorf("it is a JSON %s and not an object", kind.Value)
			}
		}
		return query{id: id, err: fmt.Errorf("a malformed query: %w", malformed)}
	}
	if string(in.Vector) == "null" {
		in.Vector = nil
	}
	switch {
	case err != nil:
		return query{err: err}
	case (in.Query == nil) == (in.Vector == nil):
		return query{id: id, err: errors.New(`a query needs either "query" or "vector"`)}
	case in.Query != nil:
		q := textQuery(*in.Query)
		q.id = id
		return q
	default:
		v, err := vector.ParseJSON(in.Vector)
		return query{id: id, vector: v, err: err}
	}
}

// queryID returns an id: a string, or the text of a number.
func queryID(raw json.RawMessage) (id string, err error) {
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return "", nil
	}
	if raw[0] == '"' {
		err = json.Unmarshal(raw, &id)
		return id, err
	}
	if raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9' {
		return string(raw), nil
	}
	return "", fmt.Errorf("an id is a string or a number, not %.40s", raw)
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
