package embed

import "sync/atomic"

// vectorLength is how long the vectors of an embedder are, where nobody knows
// before the first answers. Two in a row must agree: a store is bound to it for
// life.
type vectorLength struct{ known, last atomic.Int64 }

// want is 0 while nobody knows.
func (l *vectorLength) want() int { return int(l.known.Load()) }

func (l *vectorLength) learn(n int) {
	if l.known.Load() == 0 && l.last.Swap(int64(n)) == int64(n) {
		l.known.Store(int64(n))
	}
}
