package embed

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// pace decides when a request may go: as many at once as the service bears, as
// many and as large ones a minute as the user allows, and none while the service
// wants to be left alone. It is safe for concurrent use.
//
// The number at once has no bound of its own (the callers are few) until the
// service says that it is too much: then it is halved, and grows again by one
// after every recovery answers for each place.
type pace struct {
	clock            clock
	requests, tokens *rate.Limiter // nil: no limit

	mu      sync.Mutex
	limit   int // requests at once
	running int
	served  int           // good answers since the limit changed
	cuts    int           // how often it was cut
	until   time.Time     // nothing goes before
	changed chan struct{} // closed and replaced when a request may go that could not
}

// recovery is how many good answers for each place it takes to add a place.
const recovery = 4

const minute = 60 // seconds, which rates count by

// newPace makes a pace with limits a minute; 0 is none. largest is how many
// tokens a request can have.
func newPace(c clock, requests, tokens, largest int) *pace {
	p := &pace{clock: c, limit: math.MaxInt, changed: make(chan struct{})}
	if requests > 0 {
		p.requests = rate.NewLimiter(rate.Limit(requests)/minute, 1)
	}
	if tokens > 0 {
		// A request waits until its own tokens are there. The bucket starts empty, so
		// that no minute sees more than it should.
		p.tokens = rate.NewLimiter(rate.Limit(tokens)/minute, largest)
		p.tokens.AllowN(c.now(), largest)
	}
	return p
}

// enter waits until a request of so many tokens may go. leave must follow with
// what it returns.
func (p *pace) enter(ctx context.Context, tokens int) (cuts int, err error) {
	for {
		wait, full, changed := p.tryEnter()
		switch {
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
			return p.cuts, err
		}
		if err != nil {
			return 0, err
		}
	}
}

// tryEnter takes a place where there is one. Otherwise there is a time to wait,
// or all places are taken until changed is closed.
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

// spend waits for the rates.
func (p *pace) spend(ctx context.Context, tokens int) error {
	for _, s := range []struct {
		limiter *rate.Limiter
		n       int
	}{{p.tokens, tokens}, {p.requests, 1}} { // in this order: what comes last spaces the requests
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

// leave ends a request that entered with cuts. A crowded one makes room: the
// first of those that were on their way together halves the limit. It tells
// whether this one did.
func (p *pace) leave(cuts int, good, crowded bool) (cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.running
	p.running--
	switch {
	case crowded && cuts == p.cuts:
		p.limit, p.served, cut = max(1, at/2), 0, true
		p.cuts++
	case good && p.limit < math.MaxInt:
		if p.served++; p.served >= recovery*p.limit {
			p.limit++
			p.served = 0
		}
	}
	close(p.changed)
	p.changed = make(chan struct{})
	return cut
}

// pause lets nothing go for a time.
func (p *pace) pause(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := p.clock.now().Add(d); d > 0 && until.After(p.until) {
		p.until = until
	}
}
