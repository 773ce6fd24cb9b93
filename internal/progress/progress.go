// Package progress counts what a run has done so far. Those who do the work add
// to a Counter, whoever shows it takes a Snapshot whenever it likes; nothing
// here draws, prints or waits.
package progress

import "sync/atomic"

// Counter counts the work of one run. The zero value is ready; a nil Counter
// counts nothing, so that code which reports may be given none. All methods are
// safe for concurrent use.
type Counter struct {
	total, chunks                    atomic.Int64
	bytes, ofBytes                   atomic.Int64
	requests, texts, tokens, retries atomic.Int64
}

// Snapshot is a Counter's state. Its figures are read one by one, so work that
// is finished meanwhile may show in some and not yet in others.
type Snapshot struct {
	Total  int64 // chunks that the run will do, or about as many as it seems; 0 while unknown
	Chunks int64 // chunks done: stored, or found to need nothing

	Requests int64 // requests that an embedder answered
	Texts    int64 // texts in them
	Tokens   int64 // tokens in them, as the embedder counts; 0 where it does not say
	Retries  int64 // requests that were sent again
}

// SetTotal says how many chunks the run will do.
func (c *Counter) SetTotal(n int) {
	if c != nil {
		c.total.Store(int64(n))
	}
}

// AddBytes counts input that was read, or found to need no reading.
func (c *Counter) AddBytes(n int64) {
	if c != nil {
		c.bytes.Add(n)
	}
}

// SetBytes says how much input there is: from then on a Total that nobody has
// set is guessed from how much of it is done.
func (c *Counter) SetBytes(n int64) {
	if c != nil {
		c.ofBytes.Store(n)
	}
}

// AddChunks counts chunks that are done.
func (c *Counter) AddChunks(n int) {
	if c != nil {
		c.chunks.Add(int64(n))
	}
}

// AddRequest counts one answered request.
func (c *Counter) AddRequest(texts, tokens int) { c.AddRequests(1, texts, tokens) }

// AddRequests counts n answered requests.
func (c *Counter) AddRequests(n, texts, tokens int) {
	if c != nil {
		c.requests.Add(int64(n))
		c.texts.Add(int64(texts))
		c.tokens.Add(int64(tokens))
	}
}

// AddRetry counts one request that is sent again.
func (c *Counter) AddRetry() {
	if c != nil {
		c.retries.Add(1)
	}
}

// Snapshot returns the state.
func (c *Counter) Snapshot() Snapshot {
	if c == nil {
		return Snapshot{}
	}
	chunks := c.chunks.Load()
	return Snapshot{
		Total:    c.expected(chunks),
		Chunks:   chunks,
		Requests: c.requests.Load(),
		Texts:    c.texts.Load(),
		Tokens:   c.tokens.Load(),
		Retries:  c.retries.Load(),
	}
}

// expected is the number of chunks in the end.
func (c *Counter) expected(chunks int64) int64 {
	total, bytes, ofBytes := c.total.Load(), c.bytes.Load(), c.ofBytes.Load()
	if total > 0 || bytes <= 0 || ofBytes <= 0 {
		return total
	}
	return int64(float64(chunks) * max(1, float64(ofBytes)/float64(bytes)))
}
