//go:build cgo

package transformer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math"
)

const (
	samples        = 64 // numbers of a tensor that the fingerprint covers
	fingerprintLen = 16 // hex digits
)

// sampler hashes names and some numbers of tensors.
type sampler struct{ hash hash.Hash }

func newSampler() sampler { return sampler{sha256.New()} }

func (s sampler) add(name string, x []float32) {
	fmt.Fprintf(s.hash, "%s %d\n", name, len(x))
	var buf []byte
	for i := range min(samples, len(x)) {
		at := i * len(x) / samples
		if len(x) <= samples {
			at = i
		}
		buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(x[at]))
	}
	s.hash.Write(buf)
}

// fingerprint ends the hash with what else decides a vector.
func (b *binder) fingerprint(f *folder) string {
	fmt.Fprintf(b.seen.hash, "%v %s %v %d %v\n", f.shape, f.pooling, f.Normalized, f.MaxTokens, f.Lowercase)
	return hex.EncodeToString(b.seen.hash.Sum(nil))[:fingerprintLen]
}
