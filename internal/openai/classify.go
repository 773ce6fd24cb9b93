package openai

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	protocol "github.com/sashabaranov/go-openai"

	"sheaf/internal/embed"
)

// failure is why one request has no vectors.
type failure struct {
	err      error // in words for people
	class    class
	overload bool // the service has more requests than it can bear
}

// suspect reports whether the texts of the request may be the reason.
func (f *failure) suspect() bool { return f.class == badAnswer || f.class == serverError }

// class says what may be done about a failure.
type class int

const (
	final       class = iota // the same request would fail again
	transient                // the service, or the way to it, has a problem that may pass
	badAnswer                // the answer is unusable
	serverError              // status 500: a problem of the service, or one that this request causes
)

// classifyConnection is for a request that got no answer. A host that does not
// exist, or is not the one of its certificate, is a wrong URL.
func classifyConnection(err error) *failure {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	f := &failure{err: fmt.Errorf("reaching the embedding service: %w", err), class: transient}
	if errors.As(err, &dns) && dns.IsNotFound || errors.As(err, &certificate) || errors.As(err, &plain) {
		f.class = final
	}
	return f
}

// classifyStatus is for an answer with another status than 200.
func (s *service) classifyStatus(response *http.Response) *failure {
	status := response.StatusCode
	if status < http.StatusBadRequest {
		words := "redirects to " + response.Header.Get("Location") + ", which is not followed"
		return &failure{err: &embed.RefusedError{Service: s.name, Status: status, Message: words}}
	}
	words, quota := readWords(response)
	switch {
	case status == http.StatusUnauthorized, status == http.StatusPaymentRequired, status == http.StatusForbidden, quota:
		return &failure{err: &embed.AuthError{Service: s.name, Status: status, Message: words}}
	case !mayPass(status):
		return &failure{err: &embed.RefusedError{Service: s.name, Status: status, Message: words}}
	}
	f := &failure{err: fmt.Errorf("status %d: %s", status, words), class: transient}
	f.overload = status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
	if status == http.StatusInternalServerError {
		f.class = serverError
	}
	return f
}

// mayPass reports whether an error status is likely to change by itself.
func mayPass(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	}
	return status >= http.StatusInternalServerError
}

// classifyAnswer is for an answer with a good status and content that is of no use.
func (s *service) classifyAnswer(err error) *failure {
	var content badContent
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	var corrupt base64.CorruptInputError
	problem := ""
	switch {
	case errors.As(err, &content):
		problem = string(content)
	case errors.As(err, &syntax), errors.As(err, &mismatch):
		problem = fmt.Sprintf("not the JSON of an embedding: %v", err)
	case errors.As(err, &corrupt):
		problem = fmt.Sprintf("a vector that is not base64: %v", err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &failure{err: errors.New("the answer was cut off"), class: transient}
	default:
		return &failure{err: fmt.Errorf("reading the answer: %w", err), class: transient}
	}
	return &failure{err: &AnswerError{Service: s.name, Problem: problem}, class: badAnswer}
}

const (
	maxErrorBytes = 64 << 10
	maxWords      = 500 // characters of a message that a person reads
	maxPlainWords = 300 // of a message in no known form
)

// readWords returns what the service says with an error status, and whether it says
// that the quota is spent.
func readWords(response *http.Response) (words string, quota bool) {
	const insufficientQuota = "insufficient_quota"
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxErrorBytes)) // what came of it
	var answer protocol.ErrorResponse
	if json.Unmarshal(body, &answer) == nil && answer.Error != nil {
		return shorten(answer.Error.Message, maxWords, " …"), answer.Error.Type == insufficientQuota || answer.Error.Code == insufficientQuota
	}
	return bodyWords(body, response.Status), false
}

// bodyWords finds the message in the error bodies of compatible servers:
// {"error": "…"}, {"message": "…"}, {"detail": "…"}, plain text; of an HTML page
// it says only that.
func bodyWords(body []byte, status string) string {
	var fields map[string]any
	if json.Unmarshal(body, &fields) == nil {
		for _, key := range []string{"error", "message", "detail"} {
			if words, ok := fields[key].(string); ok && words != "" {
				return shorten(words, maxWords, " …")
			}
		}
	}
	body = bytes.TrimSpace(body)
	switch {
	case len(body) == 0:
		return status
	case body[0] == '<':
		return status + " (an HTML page)"
	}
	return shorten(strings.Join(strings.Fields(strings.ToValidUTF8(string(body), "")), " "), maxPlainWords, "…")
}

func shorten(text string, limit int, mark string) string {
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + mark
	}
	return text
}

// AnswerError is an answer that cannot be used: not JSON, too few vectors, a vector
// of another length, a number that is none.
type AnswerError struct {
	Service string
	Problem string
}

func (e *AnswerError) Error() string { return fmt.Sprintf("answer of %s: %s", e.Service, e.Problem) }

// TextError is a text for which the service has no good answer although it answers
// others.
type TextError struct{ Err error }

func (e *TextError) Error() string {
	return fmt.Sprintf("the service answers other texts, but not this: %v", e.Err)
}

func (e *TextError) Unwrap() error { return e.Err }
