// Package tokenfile reads a tokenizer.json of Hugging Face's tokenizers. Nearly all of such a file
// is the vocabulary, and every query reads it. So the vocabulary is cut out and read by a reader of
// its own, ten times as fast as encoding/json.
package tokenfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrNoVocabulary is the error about a file whose model has none.
var ErrNoVocabulary = errors.New("its model has no vocab")

// cutOut replaces the vocabulary. No vocabulary looks like it, so the decoded file shows
// whether the model's own was cut out, and not another "vocab".
const cutOut = `["cut out"]`

// Decode has a function read the vocabulary, which the reader is at and must be behind afterwards.
// It decodes the rest of the file into a struct, as json.Unmarshal does.
func Decode(data []byte, vocabulary func(*Reader) error, rest any) error {
	r, found := open(data)
	if !found {
		return ErrNoVocabulary
	}
	start := r.at
	if err := vocabulary(r); err != nil {
		return err
	}
	data = slices.Concat(data[:start], []byte(cutOut), data[r.at:])
	var file struct {
		Model struct {
			Vocabulary json.RawMessage `json:"vocab"`
		} `json:"model"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return err
	}
	if string(file.Model.Vocabulary) != cutOut {
		return ErrNoVocabulary
	}
	return json.Unmarshal(data, rest)
}

// ListsScores reports whether the vocabulary is a list of pieces with their scores, as of a Unigram
// model, and not an object of pieces with their ids.
func ListsScores(data []byte) bool {
	r, found := open(data)
	return found && r.Next('[')
}

// open returns a reader at the vocabulary.
func open(data []byte) (*Reader, bool) {
	const key = `"vocab"`
	at := bytes.Index(data, []byte(key))
	r := &Reader{data: data, at: at + len(key)}
	return r, at >= 0 && r.Next(':')
}

// Reader reads JSON from data that may be malformed.
type Reader struct {
	data []byte
	at   int
}

// Offset returns the number of bytes before what is read next.
func (r *Reader) Offset() int { return r.at }

// Len returns the number of bytes that are left.
func (r *Reader) Len() int { return len(r.data) - r.at }

func (r *Reader) skipSpace() {
	for r.at < len(r.data) && (r.data[r.at] == ' ' || r.data[r.at] == '\n' || r.data[r.at] == '\t' || r.data[r.at] == '\r') {
		r.at++
	}
}

// Next consumes white space and c, and reports whether c was there.
func (r *Reader) Next(c byte) bool {
	r.skipSpace()
	if r.at < len(r.data) && r.data[r.at] == c {
		r.at++
		return true
	}
	return false
}

// Text consumes a string, in valid UTF-8.
func (r *Reader) Text() ([]byte, bool) {
	if !r.Next('"') {
		return nil, false
	}
	start, escaped := r.at, false
	for ; r.at < len(r.data); r.at++ {
		switch c := r.data[r.at]; {
		case c == '\\':
			escaped = true
			r.at++
		case c == '"':
			raw := r.data[start:r.at]
			r.at++
			if escaped {
				return unescape(raw)
			}
			return raw, utf8.Valid(raw)
		case c < ' ':
			return nil, false
		}
	}
	return nil, false
}

func unescape(raw []byte) ([]byte, bool) {
	var text string
	err := json.Unmarshal(slices.Concat([]byte{'"'}, raw, []byte{'"'}), &text)
	return []byte(text), err == nil && utf8.Valid(raw)
}

// Whole consumes a whole number, 0 or greater and below a thousand million.
func (r *Reader) Whole() (int, bool) {
	r.skipSpace()
	start := r.at
	if !r.whole() || r.at-start >= 10 {
		return 0, false
	}
	n, err := strconv.Atoi(string(r.data[start:r.at]))
	return n, err == nil
}

// Float consumes a number.
func (r *Reader) Float() (float64, bool) {
	r.skipSpace()
	start := r.at
	r.skip("-")
	ok := r.whole()
	if r.skip(".") {
		ok = ok && r.digits() > 0
	}
	if r.skip("eE") {
		r.skip("+-")
		ok = ok && r.digits() > 0
	}
	if !ok {
		return 0, false
	}
	x, err := strconv.ParseFloat(string(r.data[start:r.at]), 64)
	return x, err == nil
}

// skip consumes one of some characters, and reports whether it was there.
func (r *Reader) skip(any string) bool {
	if r.at < len(r.data) && strings.IndexByte(any, r.data[r.at]) >= 0 {
		r.at++
		return true
	}
	return false
}

// whole consumes digits, of which the first is 0 only where it is the only one.
func (r *Reader) whole() bool {
	start := r.at
	n := r.digits()
	return n == 1 || n > 1 && r.data[start] != '0'
}

// digits consumes digits and returns how many there were.
func (r *Reader) digits() int {
	start := r.at
	for r.at < len(r.data) && '0' <= r.data[r.at] && r.data[r.at] <= '9' {
		r.at++
	}
	return r.at - start
}
