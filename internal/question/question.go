// Package question reads the questions of a batch: a text or a vector, and an id.
package question

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"sheaf/internal/metadata"
	"sheaf/internal/vector"
)

// Question asks by a text or, where Vector is set, by a vector.
type Question struct {
	ID     string // "" where none was given
	Text   string
	Vector []float32
}

// FromText returns the question of a text, which must not be blank.
func FromText(text string) (Question, error) {
	if strings.TrimSpace(text) == "" {
		return Question{}, errors.New("an empty query")
	}
	return Question{Text: text}, nil
}

// FromJSON parses {"query"|"vector": …, "id"?: …} and ignores other members. With an
// error the question has its id still, where that can be read.
func FromJSON(object []byte) (Question, error) {
	var in struct {
		ID     json.RawMessage `json:"id"`
		Query  *string         `json:"query"`
		Vector json.RawMessage `json:"vector"`
	}
	malformed := json.Unmarshal(object, &in)
	id, err := parseID(in.ID) // set even where another member has a wrong type
	q := Question{ID: id}
	if malformed != nil {
		return q, Malformed(malformed)
	}
	if string(in.Vector) == "null" {
		in.Vector = nil
	}
	switch {
	case err != nil:
	case (in.Query == nil) == (in.Vector == nil):
		err = errors.New(`a query needs either "query" or "vector"`)
	case in.Query != nil:
		q, err = FromText(*in.Query)
		q.ID = id
	default:
		q.Vector, err = vector.ParseJSON(in.Vector)
	}
	return q, err
}

// Malformed says what of a question encoding/json could not decode.
func Malformed(err error) error { return fmt.Errorf("a malformed query: %w", metadata.Mismatch(err)) }

// parseID returns an id: a string, or the text of a number.
func parseID(raw json.RawMessage) (id string, err error) {
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
