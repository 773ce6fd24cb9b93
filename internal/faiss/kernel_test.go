package faiss

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

func TestChooseLevel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		best            level
		optLevel, noAVX string
		want            level
	}{
		{levelAVX512, "", "", levelAVX512},
		{levelAVX512, "avx512", "", levelAVX512},
		{levelAVX512, "avx512_spr", "", levelAVX512},
		{levelAVX512, "AVX2", "", levelAVX2},
		{levelAVX512, "avx2", "", levelAVX2},
		{levelAVX512, "generic", "", levelGeneric},
		{levelAVX512, "sve", "", levelGeneric},
		{levelAVX512, "", "1", levelGeneric},
		{levelAVX512, "avx2", "1", levelGeneric},
		{levelAVX2, "avx512", "", levelAVX2},
		{levelGeneric, "avx512", "", levelGeneric},
		{levelGeneric, "", "", levelGeneric},
	} {
		if got := chooseLevel(c.best, c.optLevel, c.noAVX); got != c.want {
			t.Errorf("best %v, FAISS_OPT_LEVEL=%q, FAISS_NO_AVX2=%q: %v, want %v", c.best, c.optLevel, c.noAVX, got, c.want)
		}
	}
	if !slices.Contains([]string{"avx512", "avx2", "neon", "generic"}, Kernel()) {
		t.Errorf("Kernel() = %q", Kernel())
	}
}

// Every alignment and every length of tail gives a key near the one in float64, and all of
// the ways to ask for it give the same bits.
func TestKeys(t *testing.T) {
	t.Parallel()
	eachKernel(t, func(t *testing.T, l level, m Metric) {
		for d := 1; d <= 150; d++ {
			a := arithmetic{level: l, metric: m, d: d}
			x, queries := randomVectors(uint64(d), 2, d), randomVectors(uint64(d)+1, 3, d)
			off := d % 64
			rows := AppendFloats(make([]byte, off, off+len(x)*floatSize), x)[off:]
			all := make([]float32, 6)
			a.keys(rows, 2, queries, all)
			for j := range 3 {
				query, one := queries[j*d:(j+1)*d], make([]float32, 3)
				a.keysAt(rows, []int32{1, 0, 1}, query, one)
				for i := range 2 {
					key, want := all[2*j+i], keyInFloat64(m, x[i*d:(i+1)*d], query)
					if math.Abs(float64(key)-want) > 1e-6*float64(d+8) {
						t.Fatalf("d %d: key %v, want %v", d, key, want)
					}
					if one[1-i] != key || one[2] != all[2*j+1] {
						t.Fatalf("d %d: keysAt gives %v where keys gives %v", d, one, all[2*j:2*j+2])
					}
				}
			}
		}
	})
}

func keyInFloat64(m Metric, x, q []float32) float64 {
	var key float64
	for i := range x {
		xi, qi := float64(x[i]), float64(q[i])
		if m == L2 {
			key += (xi - qi) * (xi - qi)
		} else {
			key -= xi * qi
		}
	}
	return key
}

func TestBelow(t *testing.T) {
	t.Parallel()
	nan := float32(math.NaN())
	for l := levelGeneric; l <= bestLevel(); l++ {
		a := arithmetic{level: l, d: 1}
		for _, n := range []int{0, 1, 63, 64, 65, 200} {
			v, w := make([]float32, n), make([]float32, n)
			var want []int32
			for i := range v {
				v[i], w[i] = float32(i%70), 2
				if i%50 == 3 {
					w[i] = nan
				}
				if i%70 < 4 || i%50 == 3 {
					want = append(want, int32(i))
				}
			}
			name := fmt.Sprintf("%v, n %d", l, n)
			if got := a.below(v, w, 0.5, 5, make([]int32, n)); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
			if got := a.below(v, w, 0.5, nan, make([]int32, n)); len(got) != n {
				t.Errorf("%s: bound NaN lets %d through", name, len(got))
			}
		}
	}
}

func TestAppendFloats(t *testing.T) {
	t.Parallel()
	got := AppendFloats([]byte{9}, []float32{1, -2})
	if want := []byte{9, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}; !slices.Equal(got, want) {
		t.Errorf("AppendFloats = %x, want %x", got, want)
	}
}
