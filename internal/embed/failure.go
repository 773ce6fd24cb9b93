package embed

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/sashabaranov/go-openai"
)

// failure says what may be done about a request that did not succeed.
type failure struct {
	kind    failureKind
	idle    time.Duration // how long the service wants to be left alone; good answers may say so too
	crowded bool          // there are more requests than it can bear
}

// suspect tells whether the request may be at fault.
func (f failure) suspect() bool { return f.kind == badAnswer || f.kind == broken }

type failureKind int

const (
	final     failureKind = iota // the same request would fail again
	transient                    // the service or the way to it is unwell
	badAnswer                    // it answered, with something unusable
	broken                       // status 500: it is unwell, or this request makes it so
)

// judge sorts the error of one request and puts it into words of ours. The
// attempt is the request's own context.
func (s *openAI) judge(attempt context.Context, err error, r reply) (failure, error) {
	var answer *AnswerError
	var refused *RefusedError
	switch {
	case attempt.Err() != nil:
		return failure{kind: transient, crowded: true}, fmt.Errorf("no answer within %s", s.options.Timeout)
	case errors.As(err, &answer):
		return failure{kind: badAnswer}, answer
	case errors.As(err, &refused):
		return failure{kind: final}, refused
	case r.status >= http.StatusBadRequest:
		return s.judgeStatus(err, r)
	case r.status != 0:
		return s.judgeBody(err)
	}
	return s.judgeConnection(err)
}

// judgeStatus is for an answer with an error status.
func (s *openAI) judgeStatus(err error, r reply) (failure, error) {
	message, quota := serviceWords(err)
	message = shorten(message)
	switch {
	case r.status == http.StatusUnauthorized, r.status == http.StatusPaymentRequired, r.status == http.StatusForbidden, quota:
		return failure{kind: final}, &AuthError{Service: s.service, Status: r.status, Message: message}
	case mayPass(r.status):
		cause := failure{kind: transient, idle: r.idle(s.clock.now())}
		cause.crowded = r.status == http.StatusTooManyRequests || r.status == http.StatusServiceUnavailable
		if r.status == http.StatusInternalServerError {
			cause.kind = broken
		}
		return cause, fmt.Errorf("status %d: %s", r.status, message)
	}
	return failure{kind: final}, &RefusedError{Service: s.service, Status: r.status, Message: message}
}

// mayPass reports whether a status is likely to change by itself.
func mayPass(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	}
	return status >= http.StatusInternalServerError
}

// judgeBody is for a good status whose body the library could not read.
func (s *openAI) judgeBody(err error) (failure, error) {
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	var corrupt base64.CorruptInputError
	switch {
	case errors.As(err, &syntax), errors.As(err, &mismatch):
		return failure{kind: badAnswer}, s.answerError("not the JSON of an embedding: %v", err)
	case errors.Is(err, errNull):
		return failure{kind: badAnswer}, s.answerError("%v", err)
	case errors.As(err, &corrupt):
		return failure{kind: badAnswer}, s.answerError("a vector that is not base64: %v", err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return failure{kind: transient}, errors.New("the answer was cut off")
	}
	return failure{kind: transient}, fmt.Errorf("reading the answer: %w", err)
}

// judgeConnection is for a request that got no answer. A host that does not
// exist, or is not the one of its certificate, is a wrong URL.
func (s *openAI) judgeConnection(err error) (failure, error) {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	kind := transient
	if errors.As(err, &dns) && dns.IsNotFound || errors.As(err, &certificate) || errors.As(err, &plain) {
		kind = final
	}
	return failure{kind: kind}, fmt.Errorf("reaching the embedding service: %w", err)
}

// shorten leaves of what a service says as much as a person reads.
func shorten(message string) string {
	const most = 500
	if r := []rune(message); len(r) > most {
		return string(r[:most]) + " …"
	}
	return message
}

// serviceWords returns what the service said with an error status, and whether
// it said that the quota is spent.
func serviceWords(err error) (message string, quota bool) {
	const insufficientQuota = "insufficient_quota"
	var request *openai.RequestError // first: it may wrap an empty APIError
	if errors.As(err, &request) {
		return bodyWords(request.Body, request.HTTPStatus), false
	}
	var api *openai.APIError
	if errors.As(err, &api) {
		return api.Message, api.Type == insufficientQuota || api.Code == insufficientQuota
	}
	return err.Error(), false
}

// bodyWords finds the message in the error bodies of compatible servers:
// {"error": "…"}, {"message": "…"}, {"detail": "…"}, plain text; of an HTML page
// it says only that.
func bodyWords(body []byte, status string) string {
	const maxWords = 300
	var fields map[string]any
	if json.Unmarshal(body, &fields) == nil {
		for _, key := range []string{"error", "message", "detail"} {
			if words, ok := fields[key].(string); ok && words != "" {
				return words
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
	words := strings.Join(strings.Fields(strings.ToValidUTF8(string(body), "")), " ")
	if runes := []rune(words); len(runes) > maxWords {
		words = string(runes[:maxWords]) + "…"
	}
	return words
}
