package embed

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
)

// static computes with a model that has one vector for each piece of a text: scale[id] * matrix[id],
// summed over the text and brought to length 1. The model's data is used in place in the
// program's data segment: only the pages that hold a text's pieces are read from disk.
type static struct {
	staticModel
	tokenizer tokenizer
	options   Options
	notice    func(*static, string) // tells people of a text that is foreign to the model
	foreign   foreign
}

// staticModel is the data of a model.
type staticModel struct {
	identity Identity
	matrix   []byte  // int8 [pieces][staticDim]
	scale    []byte  // little-endian float32 [pieces], none negative
	maxScale float64 // largest scale
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
	vectors := make([][]float32, len(texts))
	flat := make([]float32, len(texts)*staticDim)
	var ids []int32
	tokens := 0
	for i, text := range texts {
		if ctx.Err() != nil {
			return Result{}, context.Cause(ctx)
		}
		s.notice(s, text)
		ids = s.tokenizer.Append(ids[:0], text)
		tokens += len(ids)
		vectors[i] = flat[i*staticDim : (i+1)*staticDim : (i+1)*staticDim]
		s.sum(vectors[i], ids)
	}
	s.options.Stats.AddRequest(len(texts), tokens)
	return Result{Vectors: vectors}, nil
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

// The sum is exact, in integers: every scale is rounded to a multiple of the largest
// one divided by 2^20. So a vector does not depend on the order of additions, the
// processor or the compiler. Two numbers of a row share a 64-bit lane, 32 bits each,
// with 128 added to be positive: products of 8 + 20 bits leave room for the sum of
// sumRows of them.
const (
	scaleBits = 20
	sumRows   = 16
	lanes     = staticDim / 2
)

// sum sets vector to that of a text with the pieces ids.
func (m *staticModel) sum(vector []float32, ids []int32) {
	var sum [staticDim]int64
	for len(ids) > 0 {
		n := min(len(ids), sumRows)
		m.addRows(&sum, ids[:n])
		ids = ids[n:]
	}
	var square float64
	for _, x := range sum {
		square += float64(x) * float64(x)
	}
	if square == 0 {
		return
	}
	norm := 1 / math.Sqrt(square)
	for i, x := range sum {
		vector[i] = float32(float64(x) * norm)
	}
}

// addRows adds the vectors of at most sumRows pieces to sum. Lane 4*i + j holds
// the numbers 8*i + j (low half) and 8*i + j + 4 (high half) of a row.
func (m *staticModel) addRows(sum *[staticDim]int64, ids []int32) {
	const (
		bias = 0x8080808080808080 // turns eight int8 into uint8, each plus 128
		pair = 0x000000ff000000ff
	)
	units := (1<<scaleBits - 1) / m.maxScale
	var acc [lanes]uint64
	var weight int64
	for _, id := range ids {
		bits := binary.LittleEndian.Uint32(m.scale[int(id)*4:])
		scale := uint64(float64(math.Float32frombits(bits))*units + 0.5)
		weight += int64(scale)
		row := m.matrix[int(id)*staticDim : (int(id)+1)*staticDim]
		for i := 0; i < lanes; i += 4 {
			eight := binary.LittleEndian.Uint64(row[2*i:]) ^ bias
			acc[i] += (eight & pair) * scale
			acc[i+1] += (eight >> 8 & pair) * scale
			acc[i+2] += (eight >> 16 & pair) * scale
			acc[i+3] += (eight >> 24 & pair) * scale
		}
	}
	for i, lane := range acc {
		at := i/4*8 + i%4
		sum[at] += int64(uint32(lane)) - 128*weight
		sum[at+4] += int64(lane>>32) - 128*weight
	}
}
