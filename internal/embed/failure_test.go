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

// FuzzExchange feeds any answer of a service: it is refused, or what comes out
// is what the client library reads.
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
		e := exchange{service: "fuzz"}
		response := &http.Response{Body: io.NopCloser(bytes.NewReader(body))}
		if e.prepare(response) != nil {
			return
		}
		got, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		head := body[:min(len(body), peekBytes)]
		if hasBase64(head) {
			if !bytes.Equal(got, body) {
				t.Errorf("%q became %q", body, got)
			}
			return
		}
		var answer struct{ Data []struct{ Embedding string } }
		if err := json.Unmarshal(got, &answer); err != nil {
			t.Errorf("%q became %q: %v", body, got, err)
		}
	})
}
