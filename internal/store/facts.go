package store

import (
	"fmt"
	"math"
	"strconv"

	"sheaf/internal/faiss"
)

// Metric is how a store compares vectors.
type Metric string

// The metrics. Scores are Faiss's raw figures: squared distances for L2 (lower
// is better), inner products for InnerProduct and Cosine (higher is better).
// Cosine brings vectors and queries to length 1 on entry.
const (
	L2           Metric = "l2"
	InnerProduct Metric = "ip"
	Cosine       Metric = "cosine"
)

// ParseMetric reads a metric as users write it.
func ParseMetric(s string) (Metric, error) {
	switch m := Metric(s); m {
	case L2, InnerProduct, Cosine:
		return m, nil
	}
	return "", fmt.Errorf("unknown metric %q: l2, ip or cosine", s)
}

func (m Metric) faiss() faiss.Metric {
	if m == L2 {
		return faiss.L2
	}
	return faiss.InnerProduct
}

// Facts are fixed for the life of a store.
type Facts struct {
	Embedder    string // provider[:model]; "" while none is bound
	Fingerprint string // version or table hash of the embedder
	Dim         int    // numbers in a vector
	Metric      Metric
	Normalize   bool // vectors and queries are brought to length 1 under l2 and ip too
}

// Check compares the facts with what is wanted; zero fields of want are not
// compared. The error is a *MismatchError.
func (f Facts) Check(want Facts) error {
	switch {
	case want.Embedder != "" && f.Embedder != "" && want.Embedder != f.Embedder:
		return &MismatchError{"embedder", f.Embedder, want.Embedder}
	case want.Fingerprint != "" && f.Fingerprint != "" && want.Fingerprint != f.Fingerprint:
		return &MismatchError{"embedder", f.Embedder + " " + f.Fingerprint, want.Embedder + " " + want.Fingerprint}
	case want.Dim != 0 && want.Dim != f.Dim:
		return &MismatchError{"dim", strconv.Itoa(f.Dim), strconv.Itoa(want.Dim)}
	case want.Metric != "" && want.Metric != f.Metric:
		return &MismatchError{"metric", string(f.Metric), string(want.Metric)}
	case want.Normalize && !f.unit():
		return &MismatchError{"normalize", "false", "true"}
	}
	return nil
}

// unit tells whether vectors are brought to length 1 on entry.
func (f Facts) unit() bool { return f.Normalize || f.Metric == Cosine }

func (f Facts) validate() error {
	if f.Dim < 1 || f.Dim > 1<<16 {
		return fmt.Errorf("a store needs a dim from 1 to %d, not %d", 1<<16, f.Dim)
	}
	_, err := ParseMetric(string(f.Metric))
	return err
}

// vectors checks n*dim numbers and returns them as the store keeps them: a
// copy of length 1 where the facts say so, else x itself.
func (f Facts) vectors(x []float32) ([]float32, error) {
	if len(x) == 0 || len(x)%f.Dim != 0 {
		return nil, &MismatchError{"dim", strconv.Itoa(f.Dim), strconv.Itoa(len(x))}
	}
	for i, v := range x {
		if v-v != 0 { // NaN or infinite
			return nil, fmt.Errorf("the vector's number %d is %v", i%f.Dim+1, v)
		}
	}
	if !f.unit() {
		return x, nil
	}
	out := append([]float32(nil), x...)
	for i := 0; i < len(out); i += f.Dim {
		normalize(out[i : i+f.Dim])
	}
	return out, nil
}

// one does the same with a single vector.
func (f Facts) one(x []float32) ([]float32, error) {
	if len(x) != f.Dim {
		return nil, &MismatchError{"dim", strconv.Itoa(f.Dim), strconv.Itoa(len(x))}
	}
	return f.vectors(x)
}

func squaredLength(x []float32) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum
}

// exactLength is how far from 1 the squared length of a vector may lie that was
// brought to length 1 in float32: the rounding of the factor and of each product.
const exactLength = 0x1p-21

// normalize brings x to length 1; a zero vector stays zero. What has length 1
// stays as it is, so that a second time changes no bit.
func normalize(x []float32) {
	if n := squaredLength(x); n > 0 && math.Abs(n-1) > exactLength {
		inverse := 1 / math.Sqrt(n)
		for i := range x {
			x[i] = float32(float64(x[i]) * inverse)
		}
	}
}

// unitTolerance is how far a squared length may lie from 1 for a vector to
// count as one of length 1: float32 rounding over a few thousand numbers.
const unitTolerance = 1e-3

// squaredLengths are those of the n*dim numbers' vectors.
func squaredLengths(x []float32, dim int) []float64 {
	squared := make([]float64, len(x)/dim)
	for i := range squared {
		squared[i] = squaredLength(x[i*dim : (i+1)*dim])
	}
	return squared
}

// isOne tells whether a squared length counts as that of a vector of length 1.
func isOne(squared float64) bool { return math.Abs(squared-1) <= unitTolerance }

// isUnit tells whether every one of the n*dim numbers' vectors has length 1 or 0.
func isUnit(x []float32, dim int) bool {
	for i := 0; i < len(x); i += dim {
		if n := squaredLength(x[i : i+dim]); n != 0 && !isOne(n) {
			return false
		}
	}
	return true
}
