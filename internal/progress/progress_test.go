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

func TestCounterNil(t *testing.T) {
	t.Parallel()
	var c *progress.Counter
	c.SetTotal(1)
	c.AddChunks(1)
	c.AddRequest(1, 1)
	c.AddRetry()
	if got := c.Snapshot(); got != (progress.Snapshot{}) {
		t.Errorf("a nil counter counted %+v", got)
	}
}
