package openai

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	protocol "github.com/sashabaranov/go-openai"

	"sheaf/internal/vector"
)

const (
	maxAnswerBytes = 512 << 20 // 2,048 vectors of 3,072 numbers in decimals are 140 MB
	peekBytes      = 4 << 10   // in which HTML shows
)

// answer is the content of a good answer.
type answer struct {
	items  []item
	tokens int // counted by the service; 0 where it says nothing
}

// item is a vector of an answer.
type item struct {
	Index     int       `json:"index"` // of its text in the request
	Embedding embedding `json:"embedding"`
}

// badContent is what is wrong with an answer, in words.
type badContent string

func (b badContent) Error() string { return string(b) }

func badContentf(format string, args ...any) error { return badContent(fmt.Sprintf(format, args...)) }

// readAnswer reads an answer. It holds one vector at a time in the form in which it
// came: in decimals that is much larger than its numbers.
func readAnswer(response *http.Response) (a answer, err error) {
	body := bufio.NewReaderSize(io.LimitReader(response.Body, maxAnswerBytes), peekBytes)
	head, _ := body.Peek(peekBytes) // an error shows again when the body is read
	if isHTML(response.Header, head) {
		return a, badContent("an HTML page, not JSON: is the base URL right?")
	}
	d := json.NewDecoder(body)
	if err := expect(d, '{'); err != nil {
		return a, err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return a, err
		}
		switch name, _ := key.(string); strings.ToLower(name) {
		case "data":
			err = a.readItems(d)
		case "usage":
			var usage protocol.Usage
			err = d.Decode(&usage)
			a.tokens = usage.PromptTokens
		default:
			var other json.RawMessage
			err = d.Decode(&other)
		}
		if err != nil {
			return a, err
		}
	}
	return a, expect(d, '}')
}

func isHTML(header http.Header, head []byte) bool {
	return strings.HasPrefix(header.Get("Content-Type"), "text/html") ||
		bytes.HasPrefix(bytes.TrimSpace(head), []byte("<"))
}

// expect reads a delimiter.
func expect(d *json.Decoder, want json.Delim) error {
	token, err := d.Token()
	if err == nil && token != want {
		err = badContentf("not the JSON of an embedding: %.20v where %v should be", token, want)
	}
	return err
}

// readItems reads the list of vectors.
func (a *answer) readItems(d *json.Decoder) error {
	if err := expect(d, '['); err != nil {
		return err
	}
	for d.More() {
		var i item
		if err := d.Decode(&i); err != nil {
			return err
		}
		a.items = append(a.items, i)
	}
	return expect(d, ']')
}

// inOrder returns the vectors of n texts in the order of the texts. All must have
// dim finite numbers; 0: as many as the first.
func (a *answer) inOrder(n, dim int) ([][]float32, error) {
	if len(a.items) != n {
		return nil, badContentf("%d vectors for %d texts", len(a.items), n)
	}
	if dim == 0 {
		dim = len(a.items[0].Embedding)
	}
	vectors := make([][]float32, n)
	for _, i := range a.items {
		if i.Index < 0 || i.Index >= n {
			return nil, badContentf("a vector for text %d of %d", i.Index, n)
		}
		if vectors[i.Index] != nil {
			return nil, badContentf("two vectors for text %d", i.Index)
		}
		if err := i.Embedding.check(dim); err != nil {
			return nil, err
		}
		vectors[i.Index] = i.Embedding
	}
	return vectors, nil
}

// embedding is a list of numbers, in JSON a list or a string of base64: OpenAI sends
// what was asked for, not every server does.
type embedding []float32

func (v embedding) check(dim int) error {
	if err := vector.Check(v); err != nil {
		return badContent(err.Error())
	}
	if len(v) != dim {
		return badContentf("a vector of %d numbers, want %d", len(v), dim)
	}
	return nil
}

// UnmarshalJSON implements json.Unmarshaler. A null, which Go would read as 0, is an
// error: some servers write NaN so.
func (v *embedding) UnmarshalJSON(raw []byte) error {
	if !bytes.HasPrefix(raw, []byte(`"`)) {
		if bytes.Contains(raw, []byte("null")) {
			return badContent("null in a vector")
		}
		return json.Unmarshal(raw, (*[]float32)(v))
	}
	encoded := raw[1 : len(raw)-1]
	if bytes.Contains(encoded, []byte(`\`)) { // some write / as \/
		var unescaped string
		if err := json.Unmarshal(raw, &unescaped); err != nil {
			return err
		}
		encoded = []byte(unescaped)
	}
	data := make([]byte, base64.StdEncoding.DecodedLen(len(encoded)))
	size, err := base64.StdEncoding.Decode(data, encoded)
	if err == nil && size%4 != 0 {
		err = base64.CorruptInputError(size)
	}
	*v = vector.FromBytes(data[:size])
	return err
}
