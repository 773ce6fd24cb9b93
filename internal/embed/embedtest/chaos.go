package embedtest

import (
	"math"
	"math/rand/v2"
	"net/http"
	"time"
)

// Chaos makes a share of all requests go wrong, in each of nine ways: 429 with
// Retry-After, status 500, a reset connection, a body that comes slowly (and is
// good), one that is cut off, vectors too few, vectors too short, NaN, HTML. What
// happens to the nth request depends on Seed and n alone.
type Chaos struct {
	Seed  uint64
	Share float64       // of each way: from 0 to 1/9
	Pause time.Duration // that a slow body takes and Retry-After asks for
}

// ways lists what can go wrong.
func (c *Chaos) ways() []Fault {
	return []Fault{
		{Status: http.StatusTooManyRequests, RetryAfter: c.Pause},
		{Status: http.StatusInternalServerError},
		{Reset: true},
		{Slow: c.Pause},
		{Truncate: true},
		{Edit: func(data *[]Embedding) { *data = (*data)[1:] }},
		{Edit: func(data *[]Embedding) {
			for i := range *data {
				(*data)[i].Vector = (*data)[i].Vector[1:]
			}
		}},
		{Edit: func(data *[]Embedding) {
			last := (*data)[len(*data)-1].Vector
			last[len(last)-1] = float32(math.NaN())
		}},
		{HTML: true},
	}
}

// fault is what happens to the nth request.
func (c *Chaos) fault(n int) Fault {
	at := rand.New(rand.NewPCG(c.Seed, uint64(n))).Float64()
	if way := int(at / c.Share); c.Share > 0 && way < len(c.ways()) {
		return c.ways()[way]
	}
	return Fault{}
}
