package embed

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"strings"

	"github.com/sashabaranov/go-openai"
)

const (
	maxAnswerBytes = 512 << 20 // 2,048 vectors of 3,072 numbers in decimals are 140 MB
	maxErrorBytes  = 64 << 10
	peekBytes      = 4 << 10 // the first vector begins within it
)

// reply is what the client library does not show of an answer.
type reply struct {
	status int
	header http.Header
}

// exchange is one request and its answer. It stands between the client library
// and HTTP: keeps the reply's facts, bounds its size, refuses what is not JSON,
// and brings vectors that came as plain numbers into the base64 which the library
// was told to expect (OpenAI sends what was asked for, not every server does).
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
	if err := e.prepare(response); err != nil {
		response.Body.Close()
		return nil, err
	}
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

// prepare looks at the beginning of a good answer.
func (e *exchange) prepare(response *http.Response) error {
	body := limit(response.Body, maxAnswerBytes)
	buffered := bufio.NewReaderSize(body, peekBytes)
	head, _ := buffered.Peek(peekBytes) // an error shows again when the body is read
	if isHTML(response.Header, head) {
		return &AnswerError{Service: e.service, Problem: "an HTML page, not JSON: is the base URL right?"}
	}
	response.Body = readCloser{buffered, body}
	if hasBase64(head) {
		return nil
	}
	encoded, err := e.numbersToBase64(buffered)
	if err != nil {
		return err
	}
	response.Body = readCloser{bytes.NewReader(encoded), body}
	return nil
}

func isHTML(header http.Header, head []byte) bool {
	return strings.HasPrefix(header.Get("Content-Type"), "text/html") ||
		bytes.HasPrefix(bytes.TrimSpace(head), []byte("<"))
}

// hasBase64 reports whether the first vector is a string. Without a vector in
// sight the answer is read in full, which any answer allows.
func hasBase64(head []byte) bool {
	for {
		_, after, found := bytes.Cut(head, []byte(`"embedding"`))
		if !found {
			return false
		}
		// The object's type is "embedding" as well; the key has a colon.
		if value, isKey := bytes.CutPrefix(bytes.TrimSpace(after), []byte(":")); isKey {
			return bytes.HasPrefix(bytes.TrimSpace(value), []byte(`"`))
		}
		head = after
	}
}

// numbersToBase64 reads an answer and returns it with base64 vectors.
func (e *exchange) numbersToBase64(body io.Reader) ([]byte, error) {
	type vector struct {
		Index     int             `json:"index"`
		Embedding json.RawMessage `json:"embedding"`
	}
	var answer struct {
		Data  []vector     `json:"data"`
		Usage openai.Usage `json:"usage"`
	}
	if err := json.NewDecoder(body).Decode(&answer); err != nil {
		return nil, err
	}
	for i := range answer.Data {
		encoded, err := e.encodeVector(answer.Data[i].Embedding)
		if err != nil {
			return nil, err
		}
		answer.Data[i].Embedding = encoded
	}
	return json.Marshal(answer)
}

// encodeVector turns a JSON array of numbers into a JSON string of base64; a
// string stays.
func (e *exchange) encodeVector(raw json.RawMessage) (json.RawMessage, error) {
	if bytes.HasPrefix(raw, []byte(`"`)) {
		return raw, nil
	}
	// Some servers write NaN as null, which would be read as 0.
	if bytes.Contains(raw, []byte("null")) {
		return nil, &AnswerError{Service: e.service, Problem: "null in a vector"}
	}
	var numbers []float32
	if err := json.Unmarshal(raw, &numbers); err != nil {
		return nil, err
	}
	data := make([]byte, 0, 4*len(numbers))
	for _, x := range numbers {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
	}
	return json.Marshal(base64.StdEncoding.EncodeToString(data))
}

type readCloser struct {
	io.Reader
	io.Closer
}

func limit(body io.ReadCloser, n int64) io.ReadCloser {
	return readCloser{io.LimitReader(body, n), body}
}
