package progress_test

import (
	"sync"
	"testing"

	"sheaf/internal/progress"
)

func TestCounterConcurrent(t *testing.T) {
	t.Parallel()
	var c progress.Counter
	c.SetTotal(800)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				c.AddChunks(1)
				c.AddRequest(2, 30)
				c.AddRetry()
				_ = c.Snapshot()
			}
		})
	}
	wg.Wait()
	want := progress.Snapshot{Total: 800, Chunks: 800, Requests: 800, Texts: 1600, Tokens: 24000, Retries: 800}
	if got := c.Snapshot(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// The total is guessed from the share of the input that is done.
func TestCounterGuesses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		total             int
		chunks, bytes, of int64
		want              int64
	}{
		{0, 10, 100, 0, 0},
		{0, 10, 0, 1000, 0},
		{0, 10, 100, 1000, 100},
		{0, 10, 1000, 1000, 10},
		{0, 10, 2000, 1000, 10},
		{7, 10, 100, 1000, 7},
	} {
		var c progress.Counter
		c.SetTotal(test.total)
		c.AddChunks(int(test.chunks))
		c.AddBytes(test.bytes)
		c.SetBytes(test.of)
		if got := c.Snapshot().Total; got != test.want {
			t.Errorf("%+v: %d", test, got)
		}
	}
}

func TestCounterNil(t *testing.T) {
	t.Parallel()
	var c *progress.Counter
	c.SetTotal(1)
	c.AddChunks(1)
	c.AddRequest(1, 1)
	c.AddRetry()
	c.AddBytes(1)
	c.SetBytes(1)
	if got := c.Snapshot(); got != (progress.Snapshot{}) {
		t.Errorf("a nil counter counted %+v", got)
	}
}
