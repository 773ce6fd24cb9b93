package openai

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"testing"

	"sheaf/internal/hint"
)

// TestClassifyConnection has the errors that no test server can cause.
func TestClassifyConnection(t *testing.T) {
	t.Parallel()
	s := &service{form: &vectorForm, name: "https://host/v1"}
	for _, test := range []struct {
		err  error
		want class
	}{
		{&net.DNSError{Err: "no such host", Name: "hsot", IsNotFound: true}, final},
		{&net.DNSError{Err: "server misbehaving", Name: "host", IsTemporary: true}, transient},
		{&tls.CertificateVerificationError{Err: errors.New("expired")}, final},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, final},
		{&net.OpError{Op: "dial", Err: errors.New("network is unreachable")}, transient},
		{io.EOF, transient},
	} {
		err := &url.Error{Op: "Post", URL: "https://host/v1", Err: test.err}
		got := s.classifyConnection(err)
		if got.class != test.want || !errors.Is(got.err, error(err)) {
			t.Errorf("%v: class %d, %v, want class %d", err, got.class, got.err, test.want)
		}
		if got.class == final && hint.Of(got.err) == "" {
			t.Errorf("%v has no hint", got.err)
		}
	}
}

func TestClassifyAnswerCutWhileReading(t *testing.T) {
	t.Parallel()
	s := &service{form: &vectorForm, name: "https://host/v1"}
	err := fmt.Errorf("read: %w", net.ErrClosed)
	if got := s.classifyAnswer(err, 1); got.class != transient || !errors.Is(got.err, net.ErrClosed) {
		t.Errorf("class %d, %v", got.class, got.err)
	}
}
