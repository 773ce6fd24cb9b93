package openai

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// pace decides when a request may be sent: as many at once as the service bears, as
// many requests and tokens a minute as the user allows, and none while the service
// asks for a pause. It is safe for concurrent use.
//
// The number of requests at once is not limited (there are few callers) until the
// service says that it is too much. Then it is halved, and grows by one after
// recovery good answers for each request that may run.
type pace struct {
	clock            clock
	patience         time.Duration // a longer pause is not waited for; 0: no limit
	requests, tokens *rate.Limiter // nil: no limit

	mu       sync.Mutex
	limit    int // requests at once
	running  int
	good     int           // answers since the limit changed
	halvings int           // of the limit, so far
	until    time.Time     // no request is sent before
	changed  chan struct{} // closed and replaced when a waiting request may be sent
}

// recovery is the number of good answers for each request at once after which one
// more may run.
const recovery = 4

const minute = 60 // seconds, the unit of rate.Limit

// newPace returns a pace with limits a minute; 0: no limit. largest is the number of
// tokens that a request can have.
func newPace(c clock, requests, tokens, largest int) *pace {
	p := &pace{clock: c, limit: math.MaxInt, changed: make(chan struct{})}
	if requests > 0 {
		p.requests = rate.NewLimiter(rate.Limit(requests)/minute, 1)
	}
	if tokens > 0 {
		// The bucket starts empty, so that the first minute is not above the limit.
		p.tokens = rate.NewLimiter(rate.Limit(tokens)/minute, largest)
		p.tokens.AllowN(c.now(), largest)
	}
	return p
}

// pauseError is a pause that is longer than anybody wants to wait.
type pauseError struct{ left time.Duration }

func (e *pauseError) Error() string { return "a limit of the service is used up" }

// enter waits until a request of that many tokens may be sent. leave must follow,
// with the ticket.
func (p *pace) enter(ctx context.Context, tokens int) (ticket int, err error) {
	for {
		wait, full, changed := p.tryEnter()
		switch {
		case wait > p.patience && p.patience > 0:
			err = &pauseError{wait}
		case wait > 0:
			err = p.clock.sleep(ctx, wait)
		case full:
			select {
			case <-changed:
			case <-ctx.Done():
				err = context.Cause(ctx)
			}
		default:
			err = p.spend(ctx, tokens)
			p.mu.Lock()
			defer p.mu.Unlock()
			if err != nil {
				p.running--
			}
			return p.halvings, err
		}
		if err != nil {
			return 0, err
		}
	}
}

// tryEnter counts a request as running if it may be sent now. Otherwise it returns how
// long to wait, or that as many run as may, until changed is closed.
func (p *pace) tryEnter() (wait time.Duration, full bool, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if wait = p.until.Sub(p.clock.now()); wait > 0 {
		return wait, false, nil
	}
	if p.running >= p.limit {
		return 0, true, p.changed
	}
	p.running++
	return 0, false, nil
}

// spend waits until the limits a minute allow a request.
func (p *pace) spend(ctx context.Context, tokens int) error {
	for _, s := range []struct {
		limiter *rate.Limiter
		n       int
	}{{p.tokens, tokens}, {p.requests, 1}} { // the last wait is the one that spaces the requests
		if s.limiter == nil {
			continue
		}
		now := p.clock.now()
		r := s.limiter.ReserveN(now, min(s.n, s.limiter.Burst()))
		if wait := r.DelayFrom(now); wait > 0 {
			if err := p.clock.sleep(ctx, wait); err != nil {
				r.CancelAt(p.clock.now())
				return err
			}
		}
	}
	return nil
}

// leave ends the request that entered with ticket. One that met an overload halves
// the limit, unless the limit was halved since it entered. It reports whether the
// limit was halved.
func (p *pace) leave(ticket int, good, overload bool) (halved bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.running
	p.running--
	switch {
	case overload && ticket == p.halvings:
		p.limit, p.good, halved = max(1, at/2), 0, true
		p.halvings++
	case good && p.limit < math.MaxInt:
		if p.good++; p.good >= recovery*p.limit {
			p.limit++
			p.good = 0
		}
	}
	close(p.changed)
	p.changed = make(chan struct{})
	return halved
}

// pause lets no request be sent for a time.
func (p *pace) pause(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := p.clock.now().Add(d); d > 0 && until.After(p.until) {
		p.until = until
	}
}
