package faiss

import "math/rand/v2"

// randomVectors returns n vectors of dim d with normally distributed floats.
func randomVectors(seed uint64, n, d int) []float32 {
	rng := rand.New(rand.NewPCG(seed, 0))
	x := make([]float32, n*d)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// smallIntegers returns n vectors of dim d whose floats are integers so small that sums of
// their products are exact, and vectors repeat often.
func smallIntegers(seed uint64, n, d int) []float32 {
	rng := rand.New(rand.NewPCG(seed, 0))
	x := make([]float32, 0, n*d)
	for i := range n {
		if i > 0 && rng.IntN(3) == 0 {
			twin := rng.IntN(i)
			x = append(x, x[twin*d:(twin+1)*d]...)
			continue
		}
		for range d {
			x = append(x, float32(rng.IntN(7)-3))
		}
	}
	return x
}
