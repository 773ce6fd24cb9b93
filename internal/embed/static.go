package embed

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"sheaf/internal/kernel"
	"sheaf/internal/rowsum"
)

// static computes with a model that has one vector for each piece of a text: scale[id] * matrix[id],
// summed over the text and brought to length 1. The model's data is used in place in the
// program's data segment: only the pages that hold a text's pieces are read from disk.
type static struct {
	staticModel
	tokenizer tokenizer
	options   Options
	level     kernel.Level
	notice    func(*static, string) string // what there is to say of a text that is foreign to the model
	foreign   foreign
}

// staticModel is the data of a model.
type staticModel struct {
	identity Identity
	matrix   []byte  // int8 [pieces][staticDim]
	scale    []byte  // little-endian float32 [pieces], none negative
	maxScale float64 // largest scale
	damped   bool    // a piece that a text has n times counts n^0.75 times, else n times
}

// staticDim is the length of the vectors of every static model.
const staticDim = 256

// tokenizer splits a text into pieces. It is safe for concurrent use.
type tokenizer interface {
	Append(ids []int32, text string) []int32
}

// checkDimensions refuses another length of vectors than the model's.
func (m *staticModel) checkDimensions(o Options) error {
	if o.Dimensions != 0 && o.Dimensions != staticDim {
		return fmt.Errorf("embedder %q makes vectors of %d numbers, not %d", m.identity, staticDim, o.Dimensions)
	}
	return nil
}

func (s *static) Identity() Identity { return s.identity }

// Embed implements Embedder. It computes in the calling goroutine.
func (s *static) Embed(ctx context.Context, texts []string) (Result, error) {
	result := Result{Vectors: make([][]float32, len(texts))}
	flat := make([]float32, len(texts)*staticDim)
	var ids, weights []int32
	tokens := 0
	for i, text := range texts {
		if ctx.Err() != nil {
			return Result{}, context.Cause(ctx)
		}
		s.options.foreign(&result, i, s.notice(s, text))
		ids = s.tokenizer.Append(ids[:0], text)
		tokens += len(ids)
		vector := flat[i*staticDim : (i+1)*staticDim : (i+1)*staticDim]
		result.Vectors[i] = vector
		if s.damped {
			ids, weights = s.weighDamped(ids, weights[:0])
		} else {
			weights = s.weigh(weights[:0], ids)
		}
		s.sum(vector, ids, weights)
	}
	s.options.Stats.AddRequest(len(texts), tokens)
	return result, nil
}

// Forecast implements Forecaster.
func (s *static) Forecast(texts []string) Forecast {
	f := Forecast{Requests: 1}
	var ids []int32
	for _, text := range texts {
		ids = s.tokenizer.Append(ids[:0], text)
		f.Tokens += len(ids)
	}
	return f
}

// The sum is exact, in integers: every scale is rounded to a multiple of the largest one divided by
// rowsum.MaxWeight. So a vector does not depend on the order of additions, the processor or the
// compiler.

// sum sets vector to that of a text with the pieces ids, which have these weights.
func (s *static) sum(vector []float32, ids, weights []int32) {
	var sum [staticDim]int64
	rowsum.Add(s.level, sum[:], s.matrix, ids, weights)
	var square float64
	for _, x := range sum {
		square += float64(float64(x) * float64(x)) // rounded alike everywhere: see weight
	}
	if square == 0 {
		return
	}
	norm := 1 / math.Sqrt(square)
	for i, x := range sum {
		vector[i] = float32(float64(x) * norm)
	}
}

// weigh appends the weights of the pieces.
func (m *staticModel) weigh(weights, ids []int32) []int32 {
	for _, id := range ids {
		weights = append(weights, int32(m.weight(id, 1)))
	}
	return weights
}

// weighDamped sorts the pieces and has each once, with the weight of its occurrences. What exceeds the
// largest weight is shared by several places, which are never more than the occurrences.
func (m *staticModel) weighDamped(ids, weights []int32) (rows, of []int32) {
	slices.Sort(ids)
	rows = ids[:0]
	for n := 0; len(ids) > 0; ids = ids[n:] {
		id := ids[0]
		for n = 1; n < len(ids) && ids[n] == id; {
			n++
		}
		left := m.weight(id, math.Sqrt(float64(n)*math.Sqrt(float64(n)))) // n^0.75, rounded alike everywhere
		for ; left > rowsum.MaxWeight; left -= rowsum.MaxWeight {
			rows, weights = append(rows, id), append(weights, rowsum.MaxWeight)
		}
		rows, weights = append(rows, id), append(weights, int32(left))
	}
	return rows, weights
}

// weight is times the scale of a piece, in units of the sum. The conversions keep compilers from
// fusing the multiplication with the addition, which would round otherwise.
func (m *staticModel) weight(id int32, times float64) int64 {
	units := rowsum.MaxWeight / m.maxScale
	scale := float64(math.Float32frombits(binary.LittleEndian.Uint32(m.scale[int(id)*4:])))
	return int64(float64(scale*units*times) + 0.5)
}
