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
