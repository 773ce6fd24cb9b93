package transformer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
)

const (
	samples        = 64 // numbers of a tensor that the fingerprint covers
	fingerprintLen = 16 // hex digits
)

// fingerprint hashes some numbers of every tensor, and the settings on which vectors depend.
func fingerprint(tensors []tensor, f *folder) string {
	h := sha256.New()
	var buf []byte
	for _, t := range tensors {
		buf = fmt.Appendf(buf[:0], "%s %d\n", t.name, len(t.x))
		for i := range min(samples, len(t.x)) {
			at := i
			if len(t.x) > samples {
				at = i * len(t.x) / samples
			}
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(t.x[at]))
		}
		h.Write(buf)
	}
	fmt.Fprintf(h, "%v %s %v %d %v\n", f.shape, f.pooling, f.Normalized, f.MaxTokens, f.Lowercase)
	if f.padding >= 0 {
		fmt.Fprintln(h, architectureXLMR, f.padding)
	}
	return hex.EncodeToString(h.Sum(nil))[:fingerprintLen]
}
