package openai

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"time"
)

// stepClock passes time only while somebody sleeps.
type stepClock struct {
	mu   sync.Mutex
	time time.Time
}

func newStepClock() (*stepClock, clock) {
	c := &stepClock{time: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)}
	return c, clock{now: c.now, sleep: c.sleep}
}

func (c *stepClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.time
}

func (c *stepClock) sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.time = c.time.Add(d)
	return context.Cause(ctx)
}

func mustEnter(t *testing.T, p *pace, tokens int) (cuts int) {
	t.Helper()
	cuts, err := p.enter(t.Context(), tokens)
	if err != nil {
		t.Fatal(err)
	}
	return cuts
}

// TestRates sends for three minutes, as fast as it may, and counts the requests of every
// minute.
func TestRates(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ rpm, tpm, tokens, want int }{
		{rpm: 30, tokens: 100, want: 90},
		{tpm: 6000, tokens: 100, want: 180},
		{rpm: 100, tpm: 6000, tokens: 100, want: 180},
		{rpm: 10, tpm: 6000, tokens: 100, want: 30},
		{tpm: 6000, tokens: 1, want: 18_000},
	} {
		c, clock := newStepClock()
		start := c.now()
		p := newPace(clock, test.rpm, test.tpm, 1000)
		var sent []time.Time
		for {
			cuts := mustEnter(t, p, test.tokens)
			if c.now().Sub(start) >= 3*time.Minute {
				break
			}
			p.leave(cuts, true, false)
			sent = append(sent, c.now())
		}
		if n := len(sent); n > test.want || n < test.want-2 {
			t.Errorf("%+v: %d requests in three minutes", test, n)
		}
		first := 0
		for last := range sent {
			for sent[last].Sub(sent[first]) >= time.Minute-time.Millisecond {
				first++
			}
			if n := last - first + 1; test.rpm > 0 && n > test.rpm || test.tpm > 0 && n*test.tokens > test.tpm+test.tokens {
				t.Fatalf("%+v: %d requests in one minute", test, n)
			}
		}
	}
}

// TestCrowd halves the number of requests at once for the first of several that met the
// same overload, and lets it grow slowly.
func TestCrowd(t *testing.T) {
	t.Parallel()
	_, clock := newStepClock()
	p := newPace(clock, 0, 0, 1)
	var cuts []int
	for range 8 {
		cuts = append(cuts, mustEnter(t, p, 0))
	}
	for i, cut := range cuts {
		if got := p.leave(cut, false, true); got != (i == 0) {
			t.Errorf("complaint %d: cut %v", i+1, got)
		}
	}
	for limit := 4; limit <= 6; limit++ {
		if p.limit != limit {
			t.Fatalf("%d at once, want %d", p.limit, limit)
		}
		for range recovery * limit {
			p.leave(mustEnter(t, p, 0), true, false)
		}
	}
	for range 5 { // down to one, and not below
		p.leave(mustEnter(t, p, 0), false, true)
	}
	if p.limit != 1 {
		t.Errorf("%d at once, want 1", p.limit)
	}
}

func TestAFullPaceWaits(t *testing.T) {
	t.Parallel()
	_, clock := newStepClock()
	p := newPace(clock, 0, 0, 1)
	p.leave(mustEnter(t, p, 0), false, true) // from now on one at a time
	first := mustEnter(t, p, 0)
	entered := make(chan int)
	go func() { entered <- mustEnter(t, p, 0) }()
	if _, full, _ := p.tryEnter(); !full {
		t.Error("a second request may go")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if _, err := p.enter(ctx, 0); !errors.Is(err, why) {
		t.Errorf("%v, want %v", err, why)
	}
	p.leave(first, true, false)
	p.leave(<-entered, true, false)
	if p.running != 0 {
		t.Errorf("%d are running", p.running)
	}
}

func TestAPauseIsForAll(t *testing.T) {
	t.Parallel()
	c, clock := newStepClock()
	p := newPace(clock, 0, 0, 1)
	start := c.now()
	p.pause(7 * time.Second)
	p.pause(2 * time.Second)
	p.leave(mustEnter(t, p, 0), true, false)
	if waited := c.now().Sub(start); waited != 7*time.Second {
		t.Errorf("waited %v", waited)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.pause(time.Second)
	if _, err := p.enter(ctx, 0); !errors.Is(err, context.Canceled) || p.running != 0 {
		t.Errorf("%v, %d running", err, p.running)
	}
}

// A request that stops waiting for a limit does not count.
func TestAWaitThatIsGivenUp(t *testing.T) {
	t.Parallel()
	c, clock := newStepClock()
	p := newPace(clock, 60, 0, 1)
	p.leave(mustEnter(t, p, 0), true, false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.enter(ctx, 0); !errors.Is(err, context.Canceled) || p.running != 0 {
		t.Errorf("%v, %d running", err, p.running)
	}
	start := c.now()
	p.leave(mustEnter(t, p, 0), true, false)
	if waited := c.now().Sub(start); waited > 1100*time.Millisecond {
		t.Errorf("waited %v", waited)
	}
	if p.limit != math.MaxInt {
		t.Errorf("a limit of %d", p.limit)
	}
}
