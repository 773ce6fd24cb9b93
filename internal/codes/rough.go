//go:build cgo

package codes

// #include "kernel.h"
import "C"

import "math"

// roughQuery is a query as the signs of rows are compared with it.
//
// In the terms of query, and with a row's scale s and spread ρ as kernel_body.h makes them,
// the estimate of ⟨y,p⟩ is s⟨v,p⟩ for the signs v, numbers of 1/2 and -1/2. It is off by ρ
// times the length of the part of p across y, times the cosine of that part with a
// direction that the rotation made one at random: its deviation is 1/√(d-1). So is that of
// the cosine of sv, which is as long as √(l²+ρ²), with the error of the quantized query,
// which is as long as η. The bounds hold as far as both are within [Deviations] times
// theirs; and always, where that is more than 1.
//
// The source is Gao and Long, RaBitQ, SIGMOD 2024, section 3.
type roughQuery struct {
	*query
	table  []byte // see codes_sift_signs
	sum    int32  // of the magnitudes of the quantized query
	factor float32
	error  float64 // η
	cosine float64 // that is not exceeded, or hardly ever
}

// Deviations is how many times the standard deviation an estimate by signs may be off at
// most. Of numbers that are distributed normally one in 740 is above it; only rows that are
// hardly among the nearest are missed for that. Of 5,000 hits among ten million vectors
// none was, and one in 800 with 2; with 4 three times as many rows are candidates.
const Deviations = 3

const (
	pairSums    = 64 // bytes of a table for a pair of octets
	roughNumber = 31 // the largest magnitude of a quantized query: 8 of them fit a byte
	roughSum    = 1<<16 - 1
	roughDim    = 1 << 15 // above it sums do not fit
)

// rough returns the query for signs.
func (q *query) rough() *roughQuery {
	p := q.rotated
	largest, total := 0.0, 0.0
	for _, v := range p {
		largest = max(largest, math.Abs(v))
		total += math.Abs(v)
	}
	// Each number may be rounded up by a half.
	step := max(largest/roughNumber, total/float64(roughSum-len(p)))
	pairs := (len(p) + 2*octet - 1) / (2 * octet)
	r := &roughQuery{query: q, table: make([]byte, pairs*pairSums), factor: float32(step * q.times / 2), cosine: 1}
	if d := float64(len(p)); d > 1 {
		r.cosine = min(1, Deviations/math.Sqrt(d-1))
	}
	left := 0.0
	for i, v := range p {
		a := math.RoundToEven(v / step)
		left += (v - step*a) * (v - step*a)
		r.sum += int32(math.Abs(a))
		r.add(i, int(a))
	}
	r.error = math.Sqrt(left)
	return r
}

// add adds number i of the query to the sums of the signs that it agrees with.
func (r *roughQuery) add(i, a int) {
	o, bit := i/octet, i%octet
	sums := r.table[o/2*pairSums+bit/4*32+o%2*16:][:16]
	for signs := range sums {
		if positive := signs>>(bit%4)&1 != 0; positive == (a > 0) {
			sums[signs] += byte(max(a, -a))
		}
	}
}

// slack is how far an estimate may be off: for each unit of a row's length, and of its
// spread, where so much of the query lies across the row.
func (r *roughQuery) slack(across float64) (ofLength, ofSpread float64) {
	return r.times * (r.cosine*r.error + 2*r.epsilon*r.length), r.times * r.cosine * (across + r.error)
}

func (r *roughQuery) bound(limit float32) C.codes_query {
	slack, reach := r.slack(r.length)
	return C.codes_query{
		base: C.float(r.base), square: C.float(r.shrunk), slack: C.float(up(slack)), reach: C.float(up(reach)),
		factor: C.float(r.factor), limit: C.float(limit), offset: C.int32_t(r.sum),
	}
}

// interval returns bounds of the key of a row.
func (r *roughQuery) interval(length, spread, product float32) (low, high float32) {
	l, rho := float64(length), float64(spread)
	if math.IsInf(rho, 1) {
		return float32(math.Inf(-1)), float32(math.Inf(1))
	}
	ofLength, ofSpread := r.slack(r.length)
	rest := 3*r.epsilon*r.square*l*l + r.rest
	off := l*ofLength + rho*ofSpread
	if l > 0 { // as much as the query lies along the row for certain does not lie across
		along := max(0, math.Abs(float64(product))-off) / (r.times * l)
		_, ofSpread = r.slack(math.Sqrt(max(0, r.length*r.length-along*along)))
		off = l*ofLength + rho*ofSpread
	}
	key := r.middle + r.square*l*l - float64(product)
	return down(key - off - rest), up(key + off + rest)
}
