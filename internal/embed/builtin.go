package embed

import (
	"context"
	_ "embed" // the model's files
	"encoding/binary"
	"fmt"
	"math"
	"sync/atomic"

	"sheaf/internal/wordpiece"
)

// The built-in model, minilm-static-256-int8: one vector per WordPiece token,
// scale[id] * matrix[id], summed over the text and normalized to length 1. Derived
// from sentence-transformers/all-MiniLM-L6-v2; see NOTICE and docs/embedders.md.
// The files are used in place in the program's data segment: only the pages that
// hold a text's tokens are read from disk.
var (
	//go:embed builtin/matrix.i8
	builtinMatrix []byte // int8 [builtinVocabulary][builtinDim]

	//go:embed builtin/scale.f32
	builtinScale []byte // float32 little-endian [builtinVocabulary]

	//go:embed builtin/vocab.txt
	builtinVocab []byte

	//go:embed builtin/vocab.index
	builtinIndex []byte // wordpiece.BuildIndex of vocab.txt
)

//go:generate go test -run ^TestBuiltinIndex$ -update .

// Facts of the files above, checked by a test.
const (
	builtinDim         = 256
	builtinVocabulary  = 30522
	builtinLongest     = 18 // bytes of the longest piece
	builtinFingerprint = "minilm-static-256-int8@8f4a831729f0"
)

type builtin struct {
	tokenizer *wordpiece.Tokenizer
	options   Options
	noticed   atomic.Bool
}

// NewBuiltin returns the embedder that computes with the model in the program.
func NewBuiltin(_ string, o Options) (Embedder, error) {
	if o.Dimensions != 0 && o.Dimensions != builtinDim {
		return nil, fmt.Errorf("embedder \"builtin\" makes vectors of %d numbers, not %d", builtinDim, o.Dimensions)
	}
	v, err := wordpiece.OpenVocabulary(builtinVocab, builtinIndex, builtinVocabulary, builtinLongest)
	if err != nil {
		return nil, err
	}
	t, err := wordpiece.New(v, wordpiece.Rules{})
	if err != nil {
		return nil, err
	}
	return &builtin{tokenizer: t, options: o}, nil
}

func (b *builtin) Identity() Identity {
	return Identity{Provider: "builtin", Dim: builtinDim, Normalized: true, Fingerprint: builtinFingerprint}
}

// Embed implements Embedder. It computes in the calling goroutine.
func (b *builtin) Embed(ctx context.Context, texts []string) (Result, error) {
	vectors := make([][]float32, len(texts))
	flat := make([]float32, len(texts)*builtinDim)
	var ids []int32
	tokens := 0
	for i, text := range texts {
		if ctx.Err() != nil {
			return Result{}, context.Cause(ctx)
		}
		b.noticeScript(text)
		ids = b.tokenizer.Append(ids[:0], text)
		tokens += len(ids)
		vectors[i] = flat[i*builtinDim : (i+1)*builtinDim : (i+1)*builtinDim]
		sumTokens(vectors[i], ids)
	}
	b.options.Stats.AddRequest(len(texts), tokens)
	return Result{Vectors: vectors}, nil
}

// noticeScript tells people, once in the embedder's life, that a text is not in the
// model's language.
func (b *builtin) noticeScript(text string) {
	if !b.noticed.Load() && mostlyForeign(text) && b.noticed.CompareAndSwap(false, true) {
		b.options.Notify("the built-in model is English and knows little of text in other scripts; " +
			"for it, use a service with --embedder openai:MODEL (see docs/embedders.md)")
	}
}

// The sum is exact, in integers: every scale is rounded to a multiple of the largest
// one divided by 2^20. So a vector does not depend on the order of additions, the
// processor or the compiler. Two numbers of a row share a 64-bit lane, 32 bits each,
// with 128 added to be positive: products of 8 + 20 bits leave room for the sum of
// sumRows of them.
const (
	scaleBits = 20
	sumRows   = 16
	lanes     = builtinDim / 2
)

// builtinMaxScale is the largest number in scale.f32, checked by a test.
const builtinMaxScale = 0.005172425415366888

const scaleUnits = (1<<scaleBits - 1) / builtinMaxScale

// sumTokens sets vector to that of a text with the tokens ids.
func sumTokens(vector []float32, ids []int32) {
	var sum [builtinDim]int64
	for len(ids) > 0 {
		n := min(len(ids), sumRows)
		addRows(&sum, ids[:n])
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

// addRows adds the token vectors of at most sumRows ids to sum. Lane 4*i + j
// holds the numbers 8*i + j (low half) and 8*i + j + 4 (high half) of a row.
func addRows(sum *[builtinDim]int64, ids []int32) {
	const (
		bias = 0x8080808080808080 // turns eight int8 into uint8, each plus 128
		pair = 0x000000ff000000ff
	)
	var acc [lanes]uint64
	var weight int64
	for _, id := range ids {
		scale := scaleOf(id)
		weight += int64(scale)
		row := builtinMatrix[int(id)*builtinDim : (int(id)+1)*builtinDim]
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

func scaleOf(id int32) uint64 {
	bits := binary.LittleEndian.Uint32(builtinScale[int(id)*4:])
	return uint64(float64(math.Float32frombits(bits))*scaleUnits + 0.5)
}
