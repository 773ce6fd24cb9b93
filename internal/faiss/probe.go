//go:build cgo

package faiss

import (
	"math"

	"sheaf/internal/vector"
)

// A probe turns a matrix product into a lower bound of the keys that the kernels compute.
//
// Let x be a row, q a query, d their dim, u = 2^-24 the rounding unit of float32 and
// γ(n) = nu/(1-nu). A float32 inner product of d terms, added in whatever order, fused or
// not, differs from the true one by at most γ(d)·Σ|xᵢqᵢ| ≤ γ(d)·|x||q| (N. Higham, Accuracy
// and Stability of Numerical Algorithms, 2nd ed., (3.5)), and a sum of squared differences
// by γ(d+2) of itself, which is at most 2(|x|²+|q|²). Hence
//
//	inner product:  key ≥ -product - 2γ|x||q|
//	L2:             key ≥ -2·product + (1-4γ)(|x|²+|q|²)
//
// with γ = γ(d+8), which allows for eight roundings when this is evaluated in float32, less
// what underflow may lose (at most tiny, below). The row's part of the bound is its weight,
// which weigh computes; the query's part is the probe.
type probe struct {
	scale float32 // of the weight
	slack float64 // what to add to a limit
}

const (
	// maxBatchDim keeps γ below 1/250, so that the bounds are tight enough to be of use.
	maxBatchDim = 1 << 16

	// maxNorm is a squared norm up to which nothing above overflows. A row or query beyond
	// it gets a weight or bound of NaN, so that its keys are always computed.
	maxNorm = 1e36
)

func (a arithmetic) gamma() float64 {
	nu := float64(a.d+8) * 0x1p-24
	return nu / (1 - nu)
}

// tiny bounds what underflow loses in all terms of a bound together: for each of d products
// and sums half of the smallest float32, 2^-149.
func (a arithmetic) tiny() float64 { return float64(a.d+8) * 0x1p-146 }

// norm returns an upper bound of the length of a vector whose squared norm was computed in
// float32.
func (a arithmetic) norm(squared float64) float64 {
	return math.Sqrt(squared*(1+2*a.gamma()) + a.tiny())
}

// weigh replaces the squared norms of rows by their weights.
func (a arithmetic) weigh(norms []float32) {
	shrink := 1 - 4*a.gamma()
	for i, norm := range norms {
		switch {
		case !(norm <= maxNorm):
			norms[i] = float32(math.NaN())
		case a.metric == L2:
			norms[i] = float32(shrink * float64(norm))
		default:
			norms[i] = float32(-a.norm(float64(norm)))
		}
	}
}

// probes returns the probes of queries.
func (a arithmetic) probes(queries []float32) []probe {
	norms := make([]float32, len(queries)/a.d)
	a.norms(vector.Bytes(queries), len(norms), norms)
	probes := make([]probe, len(norms))
	for i, n := range norms {
		norm := float64(n)
		switch {
		case !(norm <= maxNorm):
			probes[i] = probe{scale: 1, slack: math.NaN()}
		case a.metric == L2:
			probes[i] = probe{scale: 1, slack: a.tiny() - (1-4*a.gamma())*norm}
		default:
			probes[i] = probe{scale: float32(2 * a.gamma() * a.norm(norm)), slack: a.tiny()}
		}
	}
	return probes
}

// bound returns the number that product*alpha + weight*scale is below whenever a row's key is
// below limit; NaN when that holds for every row.
func (p probe) bound(limit float32) float32 {
	return math.Nextafter32(float32(float64(limit)+p.slack), float32(math.Inf(1)))
}

// alpha returns the factor of the products in a bound.
func (a arithmetic) alpha() float32 {
	if a.metric == L2 {
		return -2
	}
	return -1
}
