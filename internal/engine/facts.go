package engine

import (
	"fmt"
	"slices"
	"strconv"

	"sheaf/internal/vector"
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

// Facts are fixed for the life of a store.
type Facts struct {
	Embedder    string // provider[:model]; "" while none is bound
	Fingerprint string // version or table hash of the embedder
	Dim         int    // numbers in a vector
	Metric      Metric
	Normalize   bool // vectors and queries are brought to length 1 under l2 and ip too
	NoWords     bool // documents are not found by their words
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
	case want.Normalize && !f.Unit():
		return &MismatchError{"normalize", "false", "true"}
	}
	return nil
}

// Unit reports whether vectors are brought to length 1 on entry.
func (f Facts) Unit() bool { return f.Normalize || f.Metric == Cosine }

// Validate reports whether a store can have these facts.
func (f Facts) Validate() error {
	if f.Dim < 1 || f.Dim > 1<<16 {
		return fmt.Errorf("a store needs a dim from 1 to %d, not %d", 1<<16, f.Dim)
	}
	_, err := ParseMetric(string(f.Metric))
	return err
}

// Vector checks a vector and returns it as a store keeps it: a copy of length 1
// where the facts say so, else x itself. A wrong dim is a *MismatchError, a number
// that is not finite a *vector.Error.
func (f Facts) Vector(x []float32) ([]float32, error) {
	if len(x) != f.Dim {
		return nil, &MismatchError{"dim", strconv.Itoa(f.Dim), strconv.Itoa(len(x))}
	}
	if err := vector.Check(x); err != nil {
		return nil, err
	}
	if f.Unit() {
		x = slices.Clone(x)
		vector.Normalize(x)
	}
	return x, nil
}

// Rows returns the vectors one after another (n*dim numbers), each as Vector
// returns it.
func (f Facts) Rows(vectors [][]float32) ([]float32, error) {
	rows := make([]float32, 0, len(vectors)*f.Dim)
	for _, v := range vectors {
		v, err := f.Vector(v)
		if err != nil {
			return nil, err
		}
		rows = append(rows, v...)
	}
	return rows, nil
}

// Agree reports whether vectors of a store with the other facts can be merged
// into one with these. The error is a *MismatchError.
func (f Facts) Agree(other Facts) error {
	if (f.Embedder == "") != (other.Embedder == "") {
		return &MismatchError{"embedder", named(f.Embedder), named(other.Embedder)}
	}
	if f.Unit() != other.Unit() {
		return &MismatchError{"normalize", strconv.FormatBool(f.Unit()), strconv.FormatBool(other.Unit())}
	}
	return f.Check(Facts{Embedder: other.Embedder, Fingerprint: other.Fingerprint, Dim: other.Dim, Metric: other.Metric})
}

func named(embedder string) string {
	if embedder == "" {
		return "none"
	}
	return embedder
}
