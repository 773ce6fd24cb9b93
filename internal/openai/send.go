package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	protocol "github.com/sashabaranov/go-openai"
)

// request is what one HTTP request asks for.
type request struct {
	query  string   // that the texts are ranked by; empty: they are embedded
	texts  []string // none of them empty
	tokens int      // of all texts; 0 where they are not counted
	part   bool     // of a request that was refused
	anyDim bool     // the length of the vectors is left to the service
	floats bool     // try without the field encoding_format

	base64     bool // ask for vectors in base64, less than half the size of decimals
	dimensions int  // length of the vectors to ask for; 0: none
}

// newClient returns a client that follows no redirect, because texts and key must go
// to the given URL only. It keeps a connection for each worker, where Go's own
// transport closes all but two after every request.
func newClient() *http.Client {
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if t, ok := http.DefaultTransport.(*http.Transport); ok {
		t = t.Clone()
		t.MaxIdleConnsPerHost = t.MaxIdleConns
		t.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, r *http.Response) error {
			if r.StatusCode != http.StatusOK {
				return &proxyError{r.StatusCode}
			}
			return nil
		}
		c.Transport = t
	}
	return c
}

// proxyError is a proxy that refuses to connect.
type proxyError struct{ status int }

func (e *proxyError) Error() string {
	return fmt.Sprintf("the proxy answers %d %s", e.status, http.StatusText(e.status))
}

// send makes one HTTP request. It returns a vector for each text, or why there are
// none, and for how long the service asks to be left alone.
func (s *service) send(ctx context.Context, r request) (vectors [][]float32, pause time.Duration, fail *failure) {
	attempt, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	response, err := s.post(attempt, r)
	if err != nil {
		fail = s.classifyConnection(err)
	} else {
		defer response.Body.Close()
		pause = pauseAfter(response.StatusCode, response.Header, s.clock.now())
		vectors, fail = s.receive(response, r.texts)
	}
	if fail != nil && attempt.Err() != nil {
		fail = &failure{err: fmt.Errorf("no answer within %s", s.options.Timeout), class: transient, overload: true}
	}
	return vectors, pause, fail
}

func (s *service) post(ctx context.Context, r request) (*http.Response, error) {
	body, err := s.marshal(s.fields(r))
	if err != nil {
		return nil, err
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	post.Header.Set("Content-Type", "application/json")
	post.Header.Set("Accept", "application/json")
	switch key := s.options.APIKey; {
	case key == "":
	case s.header != "":
		post.Header.Set(s.header, key)
	default:
		post.Header.Set("Authorization", "Bearer "+key)
	}
	return s.client.Do(post)
}

// fields returns what a request's body has by its form.
func (s *service) fields(r request) any {
	if s.ranks() {
		return s.rankFields(r)
	}
	fields := protocol.EmbeddingRequest{Input: r.texts, Model: protocol.EmbeddingModel(s.model), Dimensions: r.dimensions}
	if r.base64 {
		fields.EncodingFormat = protocol.EmbeddingEncodingFormatBase64
	}
	return fields
}

// marshal returns a request's body, with the members that the user adds.
func (s *service) marshal(fields any) ([]byte, error) {
	body, err := json.Marshal(fields)
	if err != nil || len(s.extra) == 0 {
		return body, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, err
	}
	maps.Copy(all, s.extra)
	return json.Marshal(all)
}

func isZero(v []float32) bool {
	return !slices.ContainsFunc(v, func(x float32) bool { return x != 0 })
}

// limit returns the largest answer in bytes to a request of some texts.
func (s *service) limit(texts []string) int64 {
	limit := answerLimit(len(texts), s.dim.Get())
	if s.ranks() { // some repeat the texts
		for _, text := range texts {
			limit += escapedByte * int64(len(text))
		}
	}
	return limit
}

// receive reads the answer to a request of some texts.
func (s *service) receive(response *http.Response, texts []string) ([][]float32, *failure) {
	n := len(texts)
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, s.classifyStatus(response)
	}
	a, err := readAnswer(response, s.form, s.limit(texts))
	if err != nil {
		return nil, s.classifyAnswer(err, n)
	}
	if len(a.items) == 0 && a.err == nil {
		a.err = a.said
	}
	if a.err != nil {
		return nil, s.classifyErrorMember(a.err)
	}
	vectors, err := a.inOrder(n, s.dim.Get())
	if err != nil {
		return nil, s.classifyAnswer(err, n)
	}
	for i, v := range vectors {
		if !s.ranks() && isZero(v) && strings.TrimSpace(texts[i]) != "" {
			return nil, s.classifyAnswer(errZeros, n)
		}
	}
	s.answered.Store(true)
	s.dim.Learn(len(vectors[0]))
	s.options.Stats.AddRequest(n, a.tokens)
	return vectors, nil
}
