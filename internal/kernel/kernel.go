// Package kernel names the instruction sets that code in C was compiled for, and
// chooses the one to compute with.
package kernel

import (
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/cpu"
)

// Level is an instruction set. The kernel.h of each package with code in C has
// the same numbers.
type Level int

// The levels, in rising order: a processor that has one has those before it.
const (
	Generic Level = iota // the baseline of the architecture: SSE2, or NEON on arm64
	AVX2                 // with FMA
	AVX512               // F, BW, DQ and VL
)

// String returns "avx512", "avx2", "neon" or "generic".
func (l Level) String() string {
	switch {
	case l == AVX512:
		return "avx512"
	case l == AVX2:
		return "avx2"
	case runtime.GOARCH == "arm64":
		return "neon"
	}
	return "generic"
}

// Best returns the highest level that the processor has and the operating system
// saves the registers of.
func Best() Level {
	switch x := cpu.X86; {
	case !x.HasAVX2 || !x.HasFMA:
		return Generic
	case !x.HasAVX512F || !x.HasAVX512BW || !x.HasAVX512DQ || !x.HasAVX512VL:
		return AVX2
	}
	return AVX512
}

// Named returns the level with the name that String gives it, or the best that
// there is below it. Any flavour of AVX-512, such as "avx512_spr", is avx512, and an
// unknown name generic; an empty one stands for the best.
func Named(name string) Level { return named(Best(), name) }

func named(best Level, name string) Level {
	name = strings.ToLower(name)
	switch {
	case name == "":
		return best
	case strings.Contains(name, "avx512"):
		return min(best, AVX512)
	case name == "avx2":
		return min(best, AVX2)
	}
	return Generic
}

// Chosen returns the level to compute with: the best, or less by the variables
// that Python's Faiss and LangChain read (faiss/loader.py and
// dependable_faiss_import): FAISS_OPT_LEVEL names it, and FAISS_NO_AVX2, when not
// empty, means generic.
func Chosen() Level {
	if os.Getenv("FAISS_NO_AVX2") != "" {
		return Generic
	}
	return Named(os.Getenv("FAISS_OPT_LEVEL"))
}
