package openai

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	protocol "github.com/sashabaranov/go-openai"

	"sheaf/internal/embed"
	"sheaf/internal/hint"
)

// failure is why one request has no vectors.
type failure struct {
	err         error // in words for people
	class       class
	overload    bool // the service has more requests than it can bear
	unexplained bool // status 400 without a reason
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
// exist, or is not the one of its certificate, is a wrong URL; what is no *url.Error was
// wrong before anything was sent.
func (s *service) classifyConnection(err error) *failure {
	var connection *url.Error
	if !errors.As(err, &connection) {
		return &failure{err: fmt.Errorf("making a request to %s: %w", s.name, err)}
	}
	var proxy *proxyError
	if errors.As(err, &proxy) && !mayPass(proxy.status) {
		return &failure{err: s.refusedByProxy(proxy.status)}
	}
	connection.URL = s.name // without a query, which may hold a key
	connection.Err = s.censored(connection.Err)
	f := &failure{err: fmt.Errorf("reaching the service: %w", err), class: transient}
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &certificate):
		f.class = final
		f.err = hint.With(f.err, "if the service has a certificate of its own, name its authority's file in SSL_CERT_FILE")
	case errors.As(err, &plain), errors.Is(err, http.ErrSchemeMismatch):
		f.class = final
		f.err = hint.With(f.err, "if the service speaks HTTP without TLS, %s begins with http://", s.form.url)
	case errors.As(err, &dns) && dns.IsNotFound:
		f.class = final
		f.err = hint.With(f.err, "check the host in %s, which no store remembers, or in HTTPS_PROXY", s.form.url)
	case slices.ContainsFunc(brokenHTTP, func(words string) bool { return strings.Contains(err.Error(), words) }):
		f.class = badAnswer
	}
	return f
}

// brokenHTTP are words of net/http, which has no types for answers that break its rules.
var brokenHTTP = []string{"malformed", "multiple Content-Length", "headers exceeded", "unsupported transfer encoding"}

// refusedByProxy returns the error of a proxy that does not let the request through.
func (s *service) refusedByProxy(status int) error {
	err := &embed.RefusedError{Service: "the proxy on the way to " + s.name, Status: status, Message: http.StatusText(status)}
	return hint.With(err, "put the name and the password for the proxy into HTTPS_PROXY (http://NAME:PASSWORD@HOST:PORT), or name the service's host in NO_PROXY")
}

// classifyStatus is for an answer with another status than 200.
func (s *service) classifyStatus(response *http.Response) *failure {
	status := response.StatusCode
	switch {
	case status < http.StatusBadRequest:
		words := response.Status
		if to := response.Header.Get("Location"); to != "" {
			words = s.redact("redirects to " + to + ", which is not followed")
		}
		return &failure{err: &embed.RefusedError{Service: s.name, Status: status, Message: words}}
	case status == http.StatusProxyAuthRequired:
		return &failure{err: s.refusedByProxy(status)}
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxErrorBytes)) // or what arrived of it
	return s.classifyWords(status, wordsOf(body, response.Status))
}

// classifyWords is for an error with a status and the service's words.
func (s *service) classifyWords(status int, w words) *failure {
	w.text = s.redact(w.text)
	switch {
	case status == http.StatusUnauthorized, status == http.StatusPaymentRequired, status == http.StatusForbidden, w.quota:
		return &failure{err: &embed.AuthError{Service: s.name, Status: status, Message: w.text}}
	case !mayPass(status):
		f := &failure{err: &embed.RefusedError{Service: s.name, Status: status, Message: w.text}, unexplained: status == http.StatusBadRequest && !w.explained}
		if status == http.StatusNotFound && s.noPath {
			f.err = hint.With(f.err, "most servers want %s %s/v1", s.form.url, s.name)
		}
		return f
	}
	f := &failure{err: fmt.Errorf("status %d: %s", status, w.text), class: transient}
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

// classifyAnswer is for an answer to n texts with a good status and content that is of no
// use.
func (s *service) classifyAnswer(err error, n int) *failure {
	var content badContent
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	var corrupt base64.CorruptInputError
	var large *http.MaxBytesError
	var deflated flate.CorruptInputError
	f := &failure{class: badAnswer}
	problem := ""
	switch {
	case errors.As(err, &content):
		problem = string(content)
		if content == errPerToken {
			f.class = final
		}
	case errors.As(err, &syntax):
		problem = fmt.Sprintf("not the JSON that was asked for: %v", err)
	case errors.As(err, &mismatch) && strings.HasPrefix(mismatch.Value, "number "):
		problem = fmt.Sprintf("not the JSON that was asked for: %.30s is beyond 32 bits", mismatch.Value)
	case errors.As(err, &mismatch):
		problem = fmt.Sprintf("not the JSON that was asked for: %s in place of a list of numbers", mismatch.Value)
	case errors.As(err, &corrupt):
		problem = fmt.Sprintf("a vector that is not base64: %v", err)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.As(err, &deflated):
		problem = "its header says that it is compressed by gzip, and it is not"
	case errors.As(err, &large):
		problem = fmt.Sprintf("more than %d bytes for %d texts", large.Limit, n)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &failure{err: errors.New("the answer was cut off"), class: transient}
	default:
		return &failure{err: fmt.Errorf("reading the answer: %w", s.censored(err)), class: transient}
	}
	f.err = &AnswerError{Service: s.name, Problem: s.redact(problem)}
	return f
}

// classifyErrorMember is for an answer that has an error in spite of its status.
func (s *service) classifyErrorMember(raw json.RawMessage) *failure {
	w := wordsOf(slices.Concat([]byte(`{"error":`), raw, []byte(`}`)), "")
	status, err := strconv.Atoi(w.code)
	switch {
	case err == nil && status >= http.StatusBadRequest && status < 600:
		return s.classifyWords(status, w)
	case w.quota:
		return s.classifyWords(http.StatusOK, w)
	}
	if w.code != "" {
		w.text += " (" + w.code + ")"
	}
	return &failure{err: &AnswerError{Service: s.name, Problem: s.redact(w.text)}, class: badAnswer}
}

// minSecret is the length from which on a part of a key is a secret. Shorter keys
// are words, such as "none", for servers that want no key.
const minSecret = 8

// redact replaces the key in a text that the service wrote, or parts of the key.
func (s *service) redact(text string) string {
	key := s.options.APIKey
	for n := len(key); n >= minSecret; n-- {
		for i := range len(key) - n + 1 {
			text = strings.ReplaceAll(text, key[i:i+n], "[key]")
		}
	}
	return text
}

// censored is err without the key in its words: some errors of HTTP repeat what a
// service sent.
func (s *service) censored(err error) error {
	text := s.redact(err.Error())
	if text == err.Error() {
		return err
	}
	return &censoredError{err, text}
}

type censoredError struct {
	error
	text string
}

func (e *censoredError) Error() string { return e.text }

func (e *censoredError) Unwrap() error { return e.error }

const (
	maxErrorBytes = 64 << 10
	maxWords      = 500 // characters of a message that a person reads
	maxPlainWords = 300 // of a message in no known form
)

// words is what a service says about an error.
type words struct {
	text      string
	code      string // empty where there is none
	quota     bool   // the quota is spent
	explained bool   // the text says more than the status
}

// wordsOf finds the words in the body of an error, in the forms of OpenAI and of compatible
// servers: {"error": {"message": "…"}}, {"error": "…"}, {"message": "…"}, {"detail": "…"},
// plain text; of an HTML page it says only that. status is used where there are none.
func wordsOf(body []byte, status string) words {
	const insufficientQuota = "insufficient_quota"
	var known protocol.ErrorResponse
	if json.Unmarshal(body, &known) == nil && known.Error != nil {
		e := known.Error
		w := words{text: shorten(e.Message, maxWords, " …"), quota: e.Type == insufficientQuota || e.Code == insufficientQuota}
		if e.Code != nil {
			w.code = fmt.Sprint(e.Code)
		}
		w.explained = e.Message != "" && !strings.HasSuffix(status, e.Message)
		return w
	}
	var fields map[string]any
	if json.Unmarshal(body, &fields) == nil {
		for _, key := range []string{"error", "message", "detail"} {
			if text, ok := fields[key].(string); ok && text != "" {
				return words{text: shorten(text, maxWords, " …"), explained: !strings.HasSuffix(status, text)}
			}
		}
	}
	body = bytes.TrimSpace(body)
	switch {
	case len(body) == 0:
		return words{text: status}
	case body[0] == '<':
		return words{text: status + " (an HTML page)"}
	}
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body), "")), " ")
	return words{text: shorten(text, maxPlainWords, "…"), explained: !strings.HasSuffix(status, text)}
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
