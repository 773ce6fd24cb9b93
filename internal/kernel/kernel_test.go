package kernel

import "testing"

func TestNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		best Level
		name string
		want Level
	}{
		{AVX512, "", AVX512},
		{AVX512, "avx512", AVX512},
		{AVX512, "avx512_spr", AVX512},
		{AVX512, "AVX2", AVX2},
		{AVX512, "avx2", AVX2},
		{AVX512, "generic", Generic},
		{AVX512, "sve", Generic},
		{AVX2, "avx512", AVX2},
		{Generic, "avx512", Generic},
		{Generic, "", Generic},
	} {
		if got := named(c.best, c.name); got != c.want {
			t.Errorf("best %v, %q: %v, want %v", c.best, c.name, got, c.want)
		}
	}
	for level := Generic; level <= Best(); level++ {
		if got := Named(level.String()); got != level {
			t.Errorf("Named(%q) = %v", level, got)
		}
	}
}

func TestChosen(t *testing.T) {
	t.Setenv("FAISS_NO_AVX2", "")
	t.Setenv("FAISS_OPT_LEVEL", "")
	if got := Chosen(); got != Best() {
		t.Errorf("without variables: %v, want %v", got, Best())
	}
	t.Setenv("FAISS_OPT_LEVEL", "generic")
	if got := Chosen(); got != Generic {
		t.Errorf("FAISS_OPT_LEVEL=generic: %v", got)
	}
	t.Setenv("FAISS_OPT_LEVEL", "avx512")
	t.Setenv("FAISS_NO_AVX2", "1")
	if got := Chosen(); got != Generic {
		t.Errorf("FAISS_NO_AVX2=1: %v", got)
	}
}
