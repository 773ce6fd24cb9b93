package openai

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"

	protocol "github.com/sashabaranov/go-openai"

	"sheaf/internal/vector"
)

const (
	numberBytes = 32       // of one number in decimals, at most
	otherBytes  = 64 << 10 // of everything else in an answer
	escapedByte = 6        // \u0000
	unknownDim  = 16384    // bound of the length of vectors that is not known yet
	peekBytes   = 4 << 10  // in which HTML shows
	maxNumber   = 1e9      // of a vector in base64; doubles and integers read as float32 have larger ones
)

// answerLimit returns the largest answer in bytes to a request of n texts for vectors of
// dim numbers; 0: not known.
func answerLimit(n, dim int) int64 {
	if dim == 0 {
		dim = unknownDim
	}
	return int64(n)*int64(dim)*numberBytes + otherBytes
}

// answer is the content of an answer with a good status. Servers that are called
// compatible have several forms, all of which are read:
//
//	{"data": [{"index": 0, "embedding": V}, …]}   OpenAI; the index may be missing or text
//	{"embeddings": [V, …]} and {"embedding": V}   Ollama
//	[{"index": 0, "embedding": V}, …]             llama.cpp
//	[V, …]                                        Text Embeddings Inference
//	{"error": …}                                  an error in spite of the status
//
// Of a service that ranks:
//
//	{"results": [{"index": 0, "relevance_score": 0.9}, …]}   Cohere, Jina, vLLM, llama.cpp
//	{"data": [{"index": 0, "relevance_score": 0.9}, …]}      Voyage
//	[{"index": 0, "score": 0.9}, …]                          Text Embeddings Inference
//
// V is a list of numbers, a list of one such list, or a string of base64: OpenAI sends
// what was asked for, not every server does.
type answer struct {
	form   *form
	items  []item
	tokens int             // counted by the service; 0 where it says nothing
	err    json.RawMessage // of an error in spite of the status; nil: none
	said   json.RawMessage // words that are an error where there are no vectors; nil: none
}

// item is a vector of an answer.
type item struct {
	Index     index // of its text in the request
	Embedding embedding
	Relevance *float32 `json:"relevance_score"`
	Score     *float32
}

// rank makes the score of a text a vector of one number.
func (i *item) rank() error {
	score := cmp.Or(i.Relevance, i.Score)
	if score == nil {
		return errNoScore
	}
	i.Embedding = embedding{*score}
	return nil
}

// badContent is what is wrong with an answer, in words.
type badContent string

func (b badContent) Error() string { return string(b) }

func badContentf(format string, args ...any) error { return badContent(fmt.Sprintf(format, args...)) }

const (
	errNothing    = badContent("an empty answer: is the base URL right?")
	errHTML       = badContent("an HTML page, not JSON: is the base URL right?")
	errNull       = badContent("null in a vector") // Go would read it as 0; some servers write NaN so
	errNoScore    = badContent("a text without a score")
	errEmpty      = badContent("an empty vector; of Ollama, --base-url must end in /v1")
	errZeros      = badContent("a vector of zeros")
	errAlike      = badContent("one and the same vector for texts with different words")
	errNotFloat32 = badContent("numbers beyond 1e9 in base64, which is to hold numbers of 32 bits")
	errPerToken   = badContent("a vector for each token, not for each text: start the server with pooling, such as --pooling mean")
)

// readAnswer reads an answer of at most limit bytes. It holds one vector at a time in the
// form in which it arrived: in decimals that is much larger than its numbers.
func readAnswer(response *http.Response, f *form, limit int64) (a answer, err error) {
	a.form = f
	body := bufio.NewReaderSize(http.MaxBytesReader(nil, response.Body, limit), peekBytes)
	head, err := body.Peek(peekBytes) // an error but the end shows again when the body is read
	if err == io.EOF && len(bytes.TrimSpace(head)) == 0 {
		return a, errNothing
	}
	if bom := []byte("\ufeff"); bytes.HasPrefix(head, bom) {
		_, _ = body.Discard(len(bom)) // it was peeked
		head = head[len(bom):]
	}
	head = bytes.TrimSpace(head)
	if strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") || bytes.HasPrefix(head, []byte("<")) {
		return a, errHTML
	}
	if coding := response.Header.Get("Content-Encoding"); coding != "" && coding != "identity" && !bytes.HasPrefix(head, []byte("{")) && !bytes.HasPrefix(head, []byte("[")) {
		return a, badContentf("compressed by %.20s, which was not asked for", coding)
	}
	d := json.NewDecoder(body)
	if bytes.HasPrefix(head, []byte("[")) {
		return a, a.readItems(d)
	}
	return a, a.readObject(d)
}

func (a *answer) readObject(d *json.Decoder) error {
	if err := expect(d, '{'); err != nil {
		return err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := key.(string)
		if err := a.readMember(d, strings.ToLower(name)); err != nil {
			return err
		}
	}
	return expect(d, '}')
}

func (a *answer) readMember(d *json.Decoder, name string) error {
	switch name {
	case "data", "embeddings", "results":
		return a.readItems(d)
	case "embedding":
		i := item{Index: noIndex}
		err := d.Decode(&i.Embedding)
		if err == nil && len(i.Embedding) == 0 {
			err = errEmpty
		}
		a.items = append(a.items, i)
		return err
	}
	var other json.RawMessage
	if err := d.Decode(&other); err != nil {
		return err
	}
	switch name {
	case "usage":
		var usage protocol.Usage
		if json.Unmarshal(other, &usage) == nil {
			a.tokens = usage.PromptTokens
		}
	case "error":
		if string(other) != "null" {
			a.err = other
		}
	case "message", "detail":
		a.said = other
	}
	return nil
}

// expect reads a delimiter.
func expect(d *json.Decoder, want json.Delim) error {
	token, err := d.Token()
	if err == nil && token != want {
		if token == nil {
			token = "null"
		}
		err = badContentf("not the JSON that was asked for: %.20v where %v should be", token, want)
	}
	return err
}

// readItems reads a list of vectors, all of them in an object or none.
func (a *answer) readItems(d *json.Decoder) error {
	if err := expect(d, '['); err != nil {
		return err
	}
	first := byte(0)
	for d.More() {
		i := item{Index: noIndex}
		if first == 0 {
			first = nextByte(d)
		}
		var err error
		if first == '{' {
			err = d.Decode(&i)
		} else {
			err = d.Decode(&i.Embedding)
		}
		if err == nil && a.form == &rankForm {
			err = i.rank()
		}
		if err != nil {
			return err
		}
		a.items = append(a.items, i)
	}
	return expect(d, ']')
}

// nextByte returns the first byte of the next value, which More has found.
func nextByte(d *json.Decoder) byte {
	buffered, _ := io.ReadAll(io.LimitReader(d.Buffered(), peekBytes)) // from memory
	buffered = bytes.TrimLeft(buffered, " \t\r\n")
	if len(buffered) == 0 {
		return 0
	}
	return buffered[0]
}

// index is the place of a vector's text in the request.
type index int

const noIndex index = -1 // the answer does not say

// UnmarshalJSON implements json.Unmarshaler for numbers, also as text.
func (i *index) UnmarshalJSON(raw []byte) error {
	text := strings.Trim(string(raw), `"`)
	if text == "null" {
		return nil
	}
	n, err := strconv.ParseFloat(text, 64) // some write 0.0
	if err != nil || n != math.Trunc(n) || math.Abs(n) > math.MaxInt32 {
		return badContentf("a vector with the index %.20s", text)
	}
	*i = index(n)
	return nil
}

// inOrder returns the vectors of n texts in the order of the texts: by their indexes, or
// as they came if none has one. All must have dim finite numbers; 0: as many as the first.
func (a *answer) inOrder(n, dim int) ([][]float32, error) {
	if len(a.items) != n {
		return nil, badContentf("%d %ss for %d texts", len(a.items), a.form.noun, n)
	}
	if dim == 0 {
		dim = len(a.items[0].Embedding)
	}
	indexed := false
	for _, i := range a.items {
		indexed = indexed || i.Index != noIndex
	}
	vectors := make([][]float32, n)
	for place, i := range a.items {
		if indexed {
			place = int(i.Index)
		}
		if place < 0 || place >= n {
			return nil, badContentf("a %s for text %d of %d", a.form.noun, place, n)
		}
		if vectors[place] != nil {
			return nil, badContentf("two %ss for text %d", a.form.noun, place)
		}
		if err := vector.Check(i.Embedding); err != nil {
			return nil, badContent(err.Error())
		}
		if len(i.Embedding) != dim {
			return nil, badContentf("a vector of %d numbers, want %d", len(i.Embedding), dim)
		}
		vectors[place] = i.Embedding
	}
	return vectors, nil
}

// embedding reads a vector in any of its forms.
type embedding []float32

// UnmarshalJSON implements json.Unmarshaler.
func (v *embedding) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(raw, []byte(`"`)) {
		return v.decode(raw)
	}
	if bytes.Contains(raw, []byte("null")) {
		return errNull
	}
	if !bytes.HasPrefix(raw, []byte("[")) || !bytes.HasPrefix(bytes.TrimLeft(raw[1:], " \t\r\n"), []byte("[")) {
		return json.Unmarshal(raw, (*[]float32)(v))
	}
	var rows []json.RawMessage
	if err := json.Unmarshal(raw, &rows); err != nil {
		return err
	}
	if len(rows) != 1 {
		return errPerToken
	}
	return json.Unmarshal(rows[0], (*[]float32)(v))
}

// decode reads a string of base64.
func (v *embedding) decode(raw []byte) error {
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
	for _, x := range *v {
		if x := math.Abs(float64(x)); x > maxNumber && !math.IsInf(x, 0) {
			return errNotFloat32
		}
	}
	return err
}
