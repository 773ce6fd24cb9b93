package engine

import (
	"cmp"
	"math"
	"slices"
)

// Candidate is a document that may be a hit.
type Candidate struct {
	Number int64   // the engine's own for the document; those of older documents are lower
	Score  float32 // Faiss's raw figure, see Metric
	Words  float32 // BM25 of the query's words
	Near   int     // its place among the nearest, from 1; 0 where that is not known
	Fused  float64 // the score of Fusion
}

// Nearest keeps of the documents that it is offered the K nearest, of equal ones the older.
type Nearest struct {
	K      int // at least 1
	Metric Metric
	best   []Candidate
}

// Best are the nearest so far, the nearest first.
func (n *Nearest) Best() []Candidate { return n.best }

// Full reports whether there are K.
func (n *Nearest) Full() bool { return len(n.best) == n.K }

// Offer takes a document that is among the nearest so far. One whose score is NaN never is.
func (n *Nearest) Offer(number int64, score float32) {
	d := Candidate{Number: number, Score: score}
	if math.IsNaN(float64(score)) || n.Full() && n.compare(d, n.best[n.K-1]) > 0 {
		return
	}
	at, _ := slices.BinarySearchFunc(n.best, d, n.compare)
	if n.Full() {
		n.best = n.best[:n.K-1]
	}
	n.best = slices.Insert(n.best, at, d)
}

// Proved reports whether there are K, and documents whose key is at least far as another program
// computes it are farther than all of them: see Metric.Beyond.
func (n *Nearest) Proved(query []float32, far, longest float64) bool {
	return n.Full() && n.Metric.Beyond(query, far, longest, n.Metric.key(n.best[n.K-1].Score))
}

func (n *Nearest) compare(a, b Candidate) int {
	return cmp.Or(cmp.Compare(n.Metric.key(a.Score), n.Metric.key(b.Score)), cmp.Compare(a.Number, b.Number))
}

// key is lower for nearer documents: the squared distance, or the negated product.
func (m Metric) key(score float32) float32 {
	if m == L2 {
		return score
	}
	return -score
}
