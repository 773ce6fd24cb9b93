package column

import (
	"hash/crc32"
	"testing"
)

// Checksums are CRC-32C, of a few bytes and of many.
func TestChecksum(t *testing.T) {
	t.Parallel()
	b := make([]byte, few+9)
	for i := range b {
		b[i] = byte(i * i >> 3)
	}
	for _, n := range []int{0, 1, 2, 7, 64, 1000, few, few + 1, few + 9} {
		if got, want := Checksum(b[:n]), crc32.Checksum(b[:n], crc32.MakeTable(crc32.Castagnoli)); got != want {
			t.Errorf("%d bytes: %08x, want %08x", n, got, want)
		}
	}
}
