//go:build cgo

package codes

import "math"

// query is a query in a frame, with what the bounds of keys need of it.
//
// Let x be a row, m the mean, R the rotation, y = R(x-m), and p = R(q-m) under L2, p = Rq
// under the inner product, for a query q. Then the true key is, with b = 2 or 1,
//
//	L2:             |y|² + |p|² - b⟨y,p⟩
//	inner product:  -⟨m,q⟩      - b⟨y,p⟩
//
// Let u = 2^-24 be the rounding unit of float32, γ = nu/(1-nu) with n = d+8, and
// ε = 2^-17 + 4γ. For each row there are stored a code v of half-integers, a length l, a
// scale s and a residual ρ, so that
//
//	(1)  |y - sv| ≤ ρ
//	(2)  |⟨y - sv, v⟩| ≤ ε·l·|v|
//	(3)  |sv| ≤ (1+ε)·l
//	(4)  (1-ε)·l² ≤ |y|² ≤ (1+ε)·l²
//
// docs/design.md proves them for kernel_body.h. The query is quantized likewise: p = ta+e,
// where a are integers of 8 bits and η bounds |e|. The kernels compute product =
// b·s·t·⟨v,a⟩, exactly but for roundings of 24u. Split y into sv and the rest, and the rest
// and p along v and across it:
//
//	|b⟨y,p⟩ - product| ≤ b·(ρ·√(P² - T²) + l·E)
//
// where P bounds |p|, T = max(0, (1-2ε)|product|/(b·l) - η) is at most the length of p
// along v, by (3), and E = (1+ε)η + 2εP holds ⟨sv,e⟩, the part along v of the rest, by (2),
// the roundings, and under the inner product what the float kernel may be off, γ|x||q|,
// as far as that is y's part of x. The other part, of m, is in F with the roundings of
// ⟨m,q⟩. Under L2 the float kernel is off by at most 2γ(|y|²+|p|²), which together with (4)
// and the roundings of the sums is at most 3ε(l²+P²).
type query struct {
	rotated []float64 // p
	numbers []int8    // a, with zeros up to whole octets
	sum     int32     // of a
	times   float64
	square  float64 // 1 where the key has the squared lengths, else 0
	middle  float64 // what a key has that no row changes
	length  float64 // P
	error   float64 // η
	rate    float64 // E
	rest    float64 // F, and the part of P in 3ε(l²+P²)
	epsilon float64

	// The same for the kernels, rounded so that the lower bounds are no higher:
	// see codes_query.
	base, shrunk, slack, reach, factor float32
}

// Rows and queries of other lengths are not quantized: their bounds would suffer from
// underflow or overflow, which are not in the above. Such rows are always candidates.
const (
	shortest = 0x1p-40
	longest  = 0x1p50
)

// prepare returns the query for x. It reports false where that cannot be quantized.
func (f *frame) prepare(x []float32, l2 bool) (*query, bool) {
	dim := len(x)
	nu := float64(dim+8) * 0x1p-24
	q := &query{times: 1, epsilon: 0x1p-17 + 4*nu/(1-nu), numbers: make([]int8, (dim+octet-1)/octet*octet)}
	p := make([]float64, dim)
	for i, v := range x {
		p[i] = float64(v)
		if l2 {
			p[i] -= float64(f.mean[i])
		} else {
			q.middle -= float64(v) * float64(f.mean[i])
		}
	}
	f.rotate(p)
	if !q.quantize(p) {
		return nil, false
	}
	q.rate = (1+q.epsilon)*q.error + 2*q.epsilon*q.length
	q.rest = 2*q.epsilon*length(f.mean)*length(x) + 0x1p-120
	if l2 {
		q.times, q.square = 2, 1
		q.middle = q.length * q.length
		q.rest = 3*q.epsilon*q.middle + 0x1p-120
	}
	q.base, q.shrunk = down(q.middle-q.rest), down(q.square*(1-3*q.epsilon))
	q.slack, q.reach = up(q.times*q.rate), up(q.times*q.length)
	q.factor *= float32(q.times / 2)
	q.rotated = p
	return q, true
}

// spare allows for the roundings of sums in float64.
const spare = 1 + 0x1p-30

// quantize sets numbers, sum, factor (to t), length and error.
func (q *query) quantize(p []float64) bool {
	largest, squares := 0.0, 0.0
	for _, v := range p {
		largest = max(largest, math.Abs(v))
		squares += v * v
	}
	q.length = math.Sqrt(squares) * spare
	if !(q.length >= shortest && q.length <= longest) {
		return false
	}
	q.factor = up(largest / 127)
	t, left := float64(q.factor), 0.0
	for i, v := range p {
		a := math.RoundToEven(v / t)
		q.numbers[i] = int8(a)
		q.sum += int32(a)
		left += (v - t*a) * (v - t*a)
	}
	q.error = math.Sqrt(left)*spare + q.length*(spare-1)
	return true
}

// interval returns bounds of the key of a row.
func (q *query) interval(length, residual, product float32) (low, high float32) {
	l, rho := float64(length), float64(residual)
	if math.IsInf(rho, 1) {
		return float32(math.Inf(-1)), float32(math.Inf(1))
	}
	along := 0.0
	if l > 0 {
		along = max(0, (1-2*q.epsilon)*math.Abs(float64(product))/(q.times*l)-q.error)
	}
	across := math.Sqrt(max(0, q.length*q.length-along*along))
	key := q.middle + q.square*l*l - float64(product)
	slack := q.times*(rho*across+l*q.rate) + 3*q.epsilon*q.square*l*l + q.rest
	return down(key - slack), up(key + slack)
}

// down returns a number that is at most x, and up one that is at least x.
func down(x float64) float32 {
	return math.Nextafter32(float32(x), float32(math.Inf(-1)))
}

func up(x float64) float32 {
	return math.Nextafter32(float32(x), float32(math.Inf(1)))
}
