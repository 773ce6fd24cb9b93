package embed

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrUnknown is returned by New for a name that is no embedder.
	ErrUnknown = errors.New("unknown embedder")

	// ErrNone is returned by the embedder "none", which makes no vectors.
	ErrNone = errors.New("no embedder is bound: vectors must come with the input")
)

// AuthError is a service that will not serve this key: it is missing, refused,
// not allowed, or its quota is spent. Trying again does not help.
type AuthError struct {
	Service string // base URL
	Status  int    // of the answer; 0 where no key was there to send
	Message string // the service's words
}

func (e *AuthError) Error() string {
	if e.Status == 0 {
		return fmt.Sprintf("%s: %s", e.Service, e.Message)
	}
	return fmt.Sprintf("%s refused the key (status %d): %s", e.Service, e.Status, e.Message)
}

// UnavailableError is a service that stayed unavailable for as long as was
// allowed. Running again later may help.
type UnavailableError struct {
	Service string
	For     time.Duration // how long it was tried
	Err     error         // why the last try did not succeed
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("%s stayed unavailable for %s: %v", e.Service, e.For.Round(time.Second), e.Err)
}

func (e *UnavailableError) Unwrap() error { return e.Err }

// RefusedError is a request that the service answered with "no" and that would
// get the same answer again: an unknown model, a text that is too long.
type RefusedError struct {
	Service string
	Status  int
	Message string // the service's words
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s refused the request (status %d): %s", e.Service, e.Status, e.Message)
}

// AnswerError is an answer that cannot be used: not JSON, too few vectors, a
// vector of another length, a number that is none.
type AnswerError struct {
	Service string
	Problem string
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("answer of %s: %s", e.Service, e.Problem)
}
