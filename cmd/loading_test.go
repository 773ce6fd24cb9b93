package cmd

import "testing"

func TestByteSizes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want int64 // 0: an error
	}{
		{"1", 1}, {"500k", 500 << 10}, {"500K", 500 << 10}, {"10M", 10 << 20}, {"10MB", 10 << 20}, {"10MiB", 10 << 20}, {"1g", 1 << 30},
		{"2T", 2 << 40}, {"100B", 100},
		{"", 0}, {"0", 0}, {"-1k", 0}, {"k", 0}, {"1.5M", 0}, {"10X", 0}, {"9223372036854775807k", 0}, {"lots", 0},
	}
	for _, tt := range tests {
		got, err := parseByteSize(tt.in)
		if got != tt.want || (err == nil) != (tt.want > 0) {
			t.Errorf("parseByteSize(%q) = %d, %v, want %d", tt.in, got, err, tt.want)
		}
	}
}

func TestByteSizesAreReadBack(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{1, 1023, 1024, 1025, 64 << 20, 1 << 30, 5 << 40} {
		if got, err := parseByteSize(byteSize(n)); err != nil || got != n {
			t.Errorf("%d is written %q, read %d, %v", n, byteSize(n), got, err)
		}
	}
}
