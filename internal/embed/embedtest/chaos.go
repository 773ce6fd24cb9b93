package embedtest

import (
	"math"
	"math/rand/v2"
	"net/http"
	"time"
)

// Chaos gives a share of all requests each of nine faults: 429 with Retry-After, status
// 500, a reset connection, a slow body (which is good), one that is cut off, too few
// vectors, vectors that are too short, NaN, HTML. The fault of the nth request depends
// on Seed and n alone.
type Chaos struct {
	Seed  uint64
	Share float64       // of each fault: from 0 to 1/9
	Pause time.Duration // of a slow body, and in Retry-After
}

// ways lists the faults.
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

// fault returns the fault of the nth request.
func (c *Chaos) fault(n int) Fault {
	at := rand.New(rand.NewPCG(c.Seed, uint64(n))).Float64()
	if way := int(at / c.Share); c.Share > 0 && way < len(c.ways()) {
		return c.ways()[way]
	}
	return Fault{}
}
