package embed

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/sashabaranov/go-openai"

	"sheaf/internal/vector"
)

const (
	maxAnswerBytes = 512 << 20 // 2,048 vectors of 3,072 numbers in decimals are 140 MB
	maxErrorBytes  = 64 << 10
	peekBytes      = 4 << 10 // the first vector begins within it
)

// reply is what the client library does not show of an answer, or not soon enough.
type reply struct {
	status  int
	header  http.Header
	vectors []openai.Embedding // of a good one
}

// exchange is one request and its answer. It stands between the client library
// and HTTP: keeps the reply's facts, bounds its size, refuses what is not JSON,
// and takes the vectors out of it, in base64 or as plain numbers (OpenAI sends
// what was asked for, not every server does). The library gets the rest.
type exchange struct {
	client  *http.Client
	service string
	reply   *reply
	plain   bool // leave the format of the vectors to the service
}

// Do implements openai.HTTPDoer.
func (e *exchange) Do(request *http.Request) (*http.Response, error) {
	if e.plain {
		if err := forgetFormat(request); err != nil {
			return nil, err
		}
	}
	response, err := e.client.Do(request)
	if err != nil {
		return nil, err
	}
	e.reply.status = response.StatusCode
	e.reply.header = response.Header
	switch {
	case response.StatusCode >= http.StatusBadRequest:
		response.Body = limit(response.Body, maxErrorBytes)
		return response, nil
	case response.StatusCode >= http.StatusMultipleChoices:
		response.Body.Close()
		return nil, &RefusedError{
			Service: e.service, Status: response.StatusCode,
			Message: "redirects to " + response.Header.Get("Location") + ", which is not followed",
		}
	}
	rest, err := e.read(response)
	response.Body.Close()
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(rest))
	return response, nil
}

// forgetFormat takes the format out of a request, which the library only knows
// how to read if it asked for it.
func forgetFormat(request *http.Request) error {
	var fields map[string]json.RawMessage
	if err := json.NewDecoder(request.Body).Decode(&fields); err != nil {
		return err
	}
	delete(fields, "encoding_format")
	body, err := json.Marshal(fields)
	request.Body = io.NopCloser(bytes.NewReader(body))
	request.ContentLength = int64(len(body))
	request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	return err
}

// read reads a good answer and returns it without its vectors. It holds one of
// them at a time as it came: of a large answer that is a small part.
func (e *exchange) read(response *http.Response) (rest []byte, err error) {
	body := bufio.NewReaderSize(io.LimitReader(response.Body, maxAnswerBytes), peekBytes)
	head, _ := body.Peek(peekBytes) // an error shows again when the body is read
	if isHTML(response.Header, head) {
		return nil, &AnswerError{Service: e.service, Problem: "an HTML page, not JSON: is the base URL right?"}
	}
	d := json.NewDecoder(body)
	if err := e.expect(d, '{'); err != nil {
		return nil, err
	}
	fields := map[string]json.RawMessage{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		if key, _ := token.(string); strings.EqualFold(key, "data") { // as the library reads keys
			err = e.readVectors(d)
		} else {
			var value json.RawMessage
			err = d.Decode(&value)
			fields[key] = value
		}
		if err != nil {
			return nil, err
		}
	}
	if err := e.expect(d, '}'); err != nil {
		return nil, err
	}
	return json.Marshal(fields)
}

func isHTML(header http.Header, head []byte) bool {
	return strings.HasPrefix(header.Get("Content-Type"), "text/html") ||
		bytes.HasPrefix(bytes.TrimSpace(head), []byte("<"))
}

// expect reads a delimiter.
func (e *exchange) expect(d *json.Decoder, want json.Delim) error {
	token, err := d.Token()
	if err == nil && token != want {
		err = &AnswerError{Service: e.service, Problem: fmt.Sprintf("not the JSON of an embedding: %.20v where %v should be", token, want)}
	}
	return err
}

// readVectors reads the list of vectors.
func (e *exchange) readVectors(d *json.Decoder) error {
	if err := e.expect(d, '['); err != nil {
		return err
	}
	for d.More() {
		var v struct {
			Index     int     `json:"index"`
			Embedding numbers `json:"embedding"`
		}
		if err := d.Decode(&v); err != nil {
			return err
		}
		e.reply.vectors = append(e.reply.vectors, openai.Embedding{Index: v.Index, Embedding: v.Embedding})
	}
	return e.expect(d, ']')
}

// numbers are a vector, in JSON a list or a string of base64.
type numbers []float32

// errNull says that a vector has a null, which would be read as 0: some servers
// write NaN so.
var errNull = errors.New("null in a vector")

// UnmarshalJSON implements json.Unmarshaler.
func (n *numbers) UnmarshalJSON(raw []byte) error {
	if !bytes.HasPrefix(raw, []byte(`"`)) {
		if bytes.Contains(raw, []byte("null")) {
			return errNull
		}
		return json.Unmarshal(raw, (*[]float32)(n))
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
	*n = vector.FromBytes(data[:size])
	return err
}

type readCloser struct {
	io.Reader
	io.Closer
}

func limit(body io.ReadCloser, n int64) io.ReadCloser {
	return readCloser{io.LimitReader(body, n), body}
}
