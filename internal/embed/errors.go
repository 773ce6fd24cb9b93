package embed

import (
	"errors"
	"fmt"
	"time"
)

// ErrNone is returned by the embedder "none", which makes no vectors.
var ErrNone = errors.New("no embedder is bound: vectors must come with the input")

// ModelError is a model that is not on this machine, or cannot be used.
type ModelError struct {
	Embedder string
	Err      error
}

func (e *ModelError) Error() string { return fmt.Sprintf("embedder %q: %v", e.Embedder, e.Err) }

func (e *ModelError) Unwrap() error { return e.Err }

// AuthError is a service that refuses the key: it is missing, wrong or not allowed, or
// its quota is spent. Trying again does not help.
type AuthError struct {
	Service string // base URL
	Status  int    // of the answer; 0 where there was no key to send
	Message string // the service's words
}

func (e *AuthError) Error() string {
	if e.Status == 0 {
		return fmt.Sprintf("%s: %s", e.Service, e.Message)
	}
	return fmt.Sprintf("%s refused the key (status %d): %s", e.Service, e.Status, e.Message)
}

// UnavailableError is a service that stayed unavailable for as long as was allowed, or
// that asks for a longer pause. Running again later may help.
type UnavailableError struct {
	Service    string
	For        time.Duration // from the first failure to the last
	RetryAfter time.Duration // pause that the service asked for at last; 0: none
	Err        error         // of the last try
}

func (e *UnavailableError) Error() string {
	how := "is unavailable"
	if e.For >= time.Second {
		how = "stayed unavailable for " + e.For.Round(time.Second).String()
	}
	if e.RetryAfter > 0 {
		how += " and asks to wait another " + e.RetryAfter.Round(time.Second).String()
	}
	return fmt.Sprintf("%s %s: %v", e.Service, how, e.Err)
}

func (e *UnavailableError) Unwrap() error { return e.Err }

// RefusedError is a request that the service refused and would refuse again: an unknown
// model, a text that is too long.
type RefusedError struct {
	Service string
	Status  int
	Message string // the service's words

	Everything bool // the service refuses a harmless text as well
}

func (e *RefusedError) Error() string {
	if e.Everything {
		return fmt.Sprintf("%s refuses every request (status %d): %s", e.Service, e.Status, e.Message)
	}
	return fmt.Sprintf("%s refused the request (status %d): %s", e.Service, e.Status, e.Message)
}
