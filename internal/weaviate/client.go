package weaviate

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"sheaf/internal/engine"
	"sheaf/internal/hint"
)

// client speaks to a server by REST and, about objects of which there are many, by gRPC. It may be used by
// many goroutines.
type client struct {
	place   *place
	http    *http.Client
	rpc     *http.Client              // for gRPC
	mending bool                      // replicas may have lost what they had
	sounded atomic.Pointer[time.Time] // when the store was sound last
	told    atomic.Bool               // that answers are partial
	epoch   atomic.Int64              // of the newest state that was read; 0: none was
	clock   atomic.Int64              // seconds since 1970 when the server answered last, by its clock
}

func newClient(p *place) *client {
	return &client{place: p, http: &http.Client{Transport: transport(answerTime), CheckRedirect: stay}, rpc: newGRPC()}
}

// stay has no redirection followed: the server's interface has none, and another place is not to get
// the key.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func (c *client) close() {
	c.http.CloseIdleConnections()
	c.rpc.CloseIdleConnections()
}

// authorize has a request tell who the user is.
func (c *client) authorize(r *http.Request) {
	if c.place.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.place.key)
	}
}

// call sends in as JSON, where it is not nil, and reads the answer into out, where that is not
// nil. An answer other than 2xx is an error, see failed. It may be sent again: the second time
// changes nothing that the first one did, but a collection is refused that is there already, see
// makeClass and lock.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	return engine.Again(ctx, func() error { return c.once(ctx, method, path, body, out) })
}

// once is call with the JSON of what is sent, and tries once.
func (c *client) once(ctx context.Context, method, path string, body []byte, out any) error {
	request, err := http.NewRequestWithContext(ctx, method, c.place.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	c.authorize(request)
	response, err := c.http.Do(request)
	if err != nil {
		return c.unanswered(ctx, err)
	}
	defer func() {
		_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxMessage)) // so that the connection can be used again
		response.Body.Close()
	}()
	if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		c.clock.Store(date.Unix())
	}
	if response.StatusCode/100 != 2 {
		return c.failed(response)
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(out); err != nil {
		return c.unanswered(ctx, fmt.Errorf("its answer is cut off or no JSON: %w", err))
	}
	return nil
}

// unanswered is the error of a request that had no answer.
func (c *client) unanswered(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if mistrusted := (*tls.CertificateVerificationError)(nil); errors.As(err, &mistrusted) {
		return hint.With(fmt.Errorf("store %q: %w", c.place.url, mistrusted), "have SSL_CERT_FILE name the certificate of its authority, and name the host as the certificate does")
	}
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return &engine.UnavailableError{Store: c.place.url, Err: err}
}

// statusError is an answer of the server that no other error stands for.
type statusError struct {
	status  int
	message string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("Weaviate says: %s (HTTP %d)", e.message, e.status)
}

// hasStatus reports whether an error is an answer with that status.
func hasStatus(err error, status int) bool {
	var e *statusError
	return errors.As(err, &e) && e.status == status
}

// isMissing reports whether an error is the answer that there is no such object, or no such collection.
func isMissing(err error) bool {
	return hasStatus(err, http.StatusNotFound) || hasStatus(err, http.StatusUnprocessableEntity)
}

// maxMessage is how many bytes of a message are read, and shownMessage how many characters are shown.
const (
	maxMessage   = 64 << 10
	shownMessage = 500
)

// failed puts an answer in the terms of engines. The server has no other status than 500 for
// replicas that it does not reach.
func (c *client) failed(r *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(r.Body, maxMessage))
	told := &statusError{r.StatusCode, strings.TrimSpace(string(text))}
	var body struct {
		Error   []struct{ Message string }
		Message string
	}
	if json.Unmarshal(text, &body) == nil {
		var messages []string
		for _, e := range body.Error {
			messages = append(messages, e.Message)
		}
		if told.message = strings.Join(messages, "; "); told.message == "" {
			told.message = body.Message
		}
	}
	told.message = fmt.Sprintf("%.*s", shownMessage, cmp.Or(told.message, http.StatusText(told.status)))
	switch {
	case r.StatusCode == http.StatusUnauthorized || r.StatusCode == http.StatusForbidden:
		return &engine.RefusedError{Store: c.place.url, Err: told}
	case r.StatusCode == http.StatusTooManyRequests || r.StatusCode >= 500:
		return &engine.UnavailableError{Store: c.place.url, Err: told}
	}
	return told
}
