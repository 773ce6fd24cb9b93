package embedtest

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ServerOptions say how a Server behaves, and which faults it has.
type ServerOptions struct {
	Dim       int                            // numbers in a vector, unless a request has "dimensions"; 0: 8
	Path      string                         // of requests, another is answered with 404; "": /v1/embeddings
	Key       string                         // when set, another key is answered with 401
	KeyHeader string                         // that holds the key by itself; "": Authorization, after Bearer
	Floats    bool                           // answers with plain numbers, as servers do that ignore encoding_format
	NoBase64  bool                           // answers with 400 to those who ask for base64, and with plain numbers otherwise
	NoLengths bool                           // answers with 400 to those who ask for "dimensions"
	NoUsage   bool                           // does not say how many tokens it counted
	Reverse   bool                           // lists the vectors from the last to the first
	MaxInputs int                            // more inputs are answered with 400; 0: 2048
	OnlyModel string                         // when set, another model is answered with 404
	Header    http.Header                    // of good answers
	Form      func([][]float32) []byte       // writes a good answer; nil: in OpenAI's form
	Refuse    func(text string) string       // returns the words of the refusal (400) of an input; "": it is not refused
	Latency   func(inputs int) time.Duration // before an answer

	// The fault of a request is the first of: those of Fail, AlwaysFail, Spoil, Chaos.
	AlwaysFail *Fault
	Spoil      func(r Request) *Fault // returns nil for no fault
	Chaos      *Chaos
}

// Fault is what happens to one request instead of a good answer. The zero value is no
// fault. Of the fields after Hold, the first that is set counts.
type Fault struct {
	Hold <-chan struct{} // waits until it is closed or the client is gone

	Reset      bool                    // cuts the connection
	Truncate   bool                    // cuts the answer in half
	Slow       time.Duration           // pause in the middle of the answer
	Status     int                     // answers with it, Header, RetryAfter and Body
	Header     map[string]string       // with Status
	RetryAfter time.Duration           // as a header in seconds, with Status
	Body       string                  // empty: an error object in OpenAI's form
	HTML       bool                    // answers 200 with an HTML page
	Raw        string                  // answers 200 with these bytes
	Wire       string                  // sends these bytes instead of HTTP
	Edit       func(data *[]Embedding) // changes the vectors before they are sent
}

// Embedding is one vector of an answer.
type Embedding struct {
	Index  int
	Vector []float32
}

// Request is a request to a Server.
type Request struct {
	Path           string
	Authorization  string
	Query          string
	Header         http.Header                `json:"-"`
	Body           map[string]json.RawMessage `json:"-"`
	Input          []string                   `json:"input"`
	Model          string                     `json:"model"`
	EncodingFormat string                     `json:"encoding_format"`
	Dimensions     int                        `json:"dimensions"`
}

// Server is a small service that speaks OpenAI's protocol over loopback. The
// vector of a text is Vector(text, dim), so a test can tell whether each text has its
// own. It needs no *testing.T, so that a program can run it too.
type Server struct {
	URL string // the base URL, with "/v1"

	options ServerOptions
	http    *httptest.Server

	mu       sync.Mutex
	faults   []Fault
	requests []Request
	answered map[string]int
}

// NewServer starts a server on a free port. Close ends it.
func NewServer(o ServerOptions) *Server {
	if o.Dim == 0 {
		o.Dim = 8
	}
	if o.MaxInputs == 0 {
		o.MaxInputs = 2048
	}
	s := &Server{options: o, answered: map[string]int{}}
	s.http = httptest.NewServer(http.HandlerFunc(s.serve))
	s.URL = s.http.URL + "/v1"
	return s
}

// Close ends the server and its connections.
func (s *Server) Close() {
	s.http.CloseClientConnections()
	s.http.Close()
}

// Fail gives each of the next requests one of the faults, in turn.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Requests returns the requests so far, with those that failed.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Answered returns how often each input had a good answer.
func (s *Server) Answered() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.answered)
}

// Vector returns the vector of a text, of length 1, whose numbers depend on the text and
// their place only. An empty text has one too.
func Vector(text string, dim int) []float32 {
	seed := fnv.New64a()
	io.WriteString(seed, text) //nolint:errcheck // a hash takes everything
	random := rand.New(rand.NewPCG(seed.Sum64(), 0))
	v := make([]float32, dim)
	square := 0.0
	for i := range v {
		x := 2*random.Float64() - 1
		v[i] = float32(x)
		square += x * x
	}
	norm := math.Sqrt(square)
	for i := range v {
		v[i] = float32(float64(v[i]) / norm)
	}
	return v
}

// serve answers one request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	request := Request{Path: r.URL.Path, Query: r.URL.RawQuery, Header: r.Header, Authorization: r.Header.Get("Authorization")}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = errors.Join(json.Unmarshal(body, &request), json.Unmarshal(body, &request.Body))
	}
	fault := s.record(request)
	if fault.Hold != nil {
		select {
		case <-fault.Hold:
		case <-r.Context().Done():
			return
		}
	}
	if s.options.Latency != nil {
		time.Sleep(s.options.Latency(len(request.Input)))
	}
	switch {
	case err != nil:
		writeError(w, http.StatusBadRequest, "the request is no JSON: "+err.Error(), "")
	case fault.Reset:
		reset(w)
	case fault.Status != 0:
		writeFault(w, fault)
	case fault.HTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!DOCTYPE html><html><title>Welcome</title></html>")
	case fault.Raw != "":
		fmt.Fprint(w, fault.Raw)
	case fault.Wire != "":
		send(w, fault.Wire)
	default:
		s.answer(w, request, fault)
	}
}

func (s *Server) record(r Request) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	if len(s.faults) > 0 {
		fault := s.faults[0]
		s.faults = s.faults[1:]
		return fault
	}
	if s.options.AlwaysFail != nil {
		return *s.options.AlwaysFail
	}
	if s.options.Spoil != nil {
		if fault := s.options.Spoil(r); fault != nil {
			return *fault
		}
	}
	if s.options.Chaos != nil {
		return s.options.Chaos.fault(len(s.requests))
	}
	return Fault{}
}

// answer sends a good answer, or one that is edited or cut off.
func (s *Server) answer(w http.ResponseWriter, r Request, fault Fault) {
	if status, message := s.refuse(r); status != 0 {
		writeError(w, status, message, "invalid_request_error")
		return
	}
	dim := s.options.Dim
	if r.Dimensions != 0 {
		dim = r.Dimensions
	}
	tokens := 0
	data := make([]Embedding, len(r.Input))
	for i, text := range r.Input {
		data[i] = Embedding{Index: i, Vector: Vector(text, dim)}
		tokens += len(strings.Fields(text))
	}
	if s.options.Reverse {
		slices.Reverse(data)
	}
	if fault.Edit != nil {
		fault.Edit(&data)
	}
	body := s.encode(r, data, tokens)
	if s.options.Form != nil {
		vectors := make([][]float32, len(data))
		for i, d := range data {
			vectors[i] = d.Vector
		}
		body = s.options.Form(vectors)
	}
	w.Header().Set("Content-Type", "application/json")
	maps.Copy(w.Header(), s.options.Header)
	switch {
	case fault.Truncate:
		body = body[:len(body)/2]
	case fault.Slow > 0:
		w.Write(body[:len(body)/2]) //nolint:errcheck // as below
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		time.Sleep(fault.Slow)
		body = body[len(body)/2:]
	}
	if !fault.Truncate && fault.Edit == nil {
		s.count(r.Input)
	}
	w.Write(body) //nolint:errcheck // the client may have gone away
}

func (s *Server) count(inputs []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range inputs {
		s.answered[text]++
	}
}

// keyOf returns the key of a request.
func (s *Server) keyOf(r Request) string {
	if s.options.KeyHeader != "" {
		return r.Header.Get(s.options.KeyHeader)
	}
	return strings.TrimPrefix(r.Authorization, "Bearer ")
}

// refuse returns the status and the words for a request that is wrong, or 0.
func (s *Server) refuse(r Request) (int, string) {
	switch {
	case r.Path != cmp.Or(s.options.Path, "/v1/embeddings"):
		return http.StatusNotFound, "no such path: " + r.Path
	case s.options.Key != "" && s.keyOf(r) != s.options.Key:
		return http.StatusUnauthorized, "Incorrect API key provided"
	case s.options.OnlyModel != "" && r.Model != s.options.OnlyModel:
		return http.StatusNotFound, fmt.Sprintf("The model `%s` does not exist", r.Model)
	case len(r.Input) == 0 || len(r.Input) > s.options.MaxInputs:
		return http.StatusBadRequest, fmt.Sprintf("'input' must have 1 to %d entries, not %d", s.options.MaxInputs, len(r.Input))
	case slices.Contains(r.Input, ""):
		return http.StatusBadRequest, "'$.input' is invalid: empty string"
	case s.options.NoBase64 && r.EncodingFormat == "base64":
		return http.StatusBadRequest, "encoding_format: only float is supported"
	case s.options.NoLengths && r.Dimensions != 0:
		return http.StatusBadRequest, "Extra inputs are not permitted: dimensions"
	case s.options.Refuse == nil:
		return 0, ""
	}
	for _, text := range r.Input {
		if words := s.options.Refuse(text); words != "" {
			return http.StatusBadRequest, words
		}
	}
	return 0, ""
}

// encode returns an answer. It does not go over the bytes of base64 again, as
// encoding/json would: benchmarks of an embedder should measure little else.
func (s *Server) encode(r Request, data []Embedding, tokens int) []byte {
	body := fmt.Appendf(nil, `{"object":"list","model":%s,"data":[`, quote(r.Model))
	for i, d := range data {
		if i > 0 {
			body = append(body, ',')
		}
		body = fmt.Appendf(body, `{"object":"embedding","index":%d,"embedding":`, d.Index)
		if r.EncodingFormat == "base64" && !s.options.Floats {
			body = append(body, '"')
			body = appendBase64(body, d.Vector)
			body = append(body, '"')
		} else {
			numbers, err := json.Marshal(d.Vector)
			if err != nil { // NaN or infinite
				return []byte(err.Error())
			}
			body = append(body, numbers...)
		}
		body = append(body, '}')
	}
	body = append(body, ']')
	if !s.options.NoUsage {
		body = fmt.Appendf(body, `,"usage":{"prompt_tokens":%d,"total_tokens":%d}`, tokens, tokens)
	}
	return append(body, '}')
}

func quote(s string) []byte {
	quoted, _ := json.Marshal(s) // a string always encodes
	return quoted
}

func appendBase64(to []byte, v []float32) []byte {
	data := make([]byte, 0, 4*len(v))
	for _, x := range v {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
	}
	return base64.StdEncoding.AppendEncode(to, data)
}

func writeFault(w http.ResponseWriter, f Fault) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.FormatFloat(f.RetryAfter.Seconds(), 'f', -1, 64))
	}
	for key, value := range f.Header {
		w.Header().Set(key, value)
	}
	if f.Body == "" {
		writeError(w, f.Status, http.StatusText(f.Status), "")
		return
	}
	w.WriteHeader(f.Status)
	fmt.Fprint(w, f.Body)
}

func writeError(w http.ResponseWriter, status int, message, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{ //nolint:errcheck // as in answer
		"error": map[string]any{"message": message, "type": code, "code": code},
	})
}

// hijacked returns the connection of a request; nil where there is none.
func hijacked(w http.ResponseWriter) net.Conn {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		return nil
	}
	connection, _, err := hijacker.Hijack()
	if err != nil {
		return nil
	}
	return connection
}

// reset cuts the connection.
func reset(w http.ResponseWriter) {
	connection := hijacked(w)
	if tcp, ok := connection.(*net.TCPConn); ok {
		tcp.SetLinger(0) //nolint:errcheck // closing is what matters
		tcp.Close()
	}
}

// send writes bytes that need not be HTTP.
func send(w http.ResponseWriter, bytes string) {
	if connection := hijacked(w); connection != nil {
		fmt.Fprint(connection, bytes)
		connection.Close()
	}
}
