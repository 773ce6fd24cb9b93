package embed

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"testing"
)

// TestJudgeConnection has the errors that no test server can cause.
func TestJudgeConnection(t *testing.T) {
	t.Parallel()
	s := &openAI{service: "https://host/v1"}
	for _, test := range []struct {
		err  error
		want failureKind
	}{
		{&net.DNSError{Err: "no such host", Name: "hsot", IsNotFound: true}, final},
		{&net.DNSError{Err: "server misbehaving", Name: "host", IsTemporary: true}, transient},
		{&tls.CertificateVerificationError{Err: errors.New("expired")}, final},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, final},
		{&net.OpError{Op: "dial", Err: errors.New("network is unreachable")}, transient},
		{io.EOF, transient},
	} {
		err := &url.Error{Op: "Post", URL: s.service, Err: test.err}
		got, words := s.judge(t.Context(), err, reply{})
		if got.kind != test.want || !errors.Is(words, error(err)) {
			t.Errorf("%v: kind %d, %v, want kind %d", err, got.kind, words, test.want)
		}
	}
}

func TestJudgeBodyCutWhileReading(t *testing.T) {
	t.Parallel()
	s := &openAI{service: "https://host/v1"}
	err := fmt.Errorf("read: %w", net.ErrClosed)
	if got, words := s.judge(t.Context(), err, reply{status: http.StatusOK}); got.kind != transient || !errors.Is(words, net.ErrClosed) {
		t.Errorf("kind %d, %v", got.kind, words)
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	const x = 0.99999976 // of which base64 has two slashes
	for _, encoded := range []string{`[0.99999976]`, `"/P9/Pw=="`, `"\/P9\/Pw=="`, `"\u002fP9/Pw=="`} {
		var n numbers
		if err := json.Unmarshal([]byte(encoded), &n); err != nil || !slices.Equal(n, numbers{x}) {
			t.Errorf("%s: %v, %v", encoded, n, err)
		}
	}
}

// FuzzExchange feeds any answer of a service: it is refused, or its vectors are
// those that a plain reader finds, and the rest is for the client library.
func FuzzExchange(f *testing.F) {
	for _, body := range []string{
		`{"data": [{"index": 0, "object": "embedding", "embedding": [1, -0.5, 2e-3]}], "usage": {"prompt_tokens": 3}}`,
		`{"data": [{"embedding": "AACAPw==", "index": 0}]}`,
		`{"data": [{"embedding": [null]}, {"embedding": []}, {}]}`,
		`<html>`, `{"data"`, ``, `[]`, `{"error": "embedding"}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e := exchange{service: "fuzz", reply: &reply{}}
		rest, err := e.read(&http.Response{Body: io.NopCloser(bytes.NewReader(body))})
		if err != nil {
			return
		}
		if !json.Valid(rest) {
			t.Errorf("%q leaves %q", body, rest)
		}
		var want struct{ Data []struct{ Embedding numbers } }
		if json.Unmarshal(body, &want) != nil || bytes.Count(bytes.ToLower(body), []byte(`"data"`)) != 1 {
			return // more follows it, or there is more than one list
		}
		if len(e.reply.vectors) != len(want.Data) {
			t.Fatalf("%q: %d vectors, want %d", body, len(e.reply.vectors), len(want.Data))
		}
		for i, v := range e.reply.vectors {
			if !slices.Equal(v.Embedding, []float32(want.Data[i].Embedding)) {
				t.Errorf("%q: vector %d is %v, want %v", body, i, v.Embedding, want.Data[i].Embedding)
			}
		}
	})
}
