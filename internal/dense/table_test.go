package dense_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"sheaf/internal/dense"
)

// TestTable compares the table with a map, with hashes that often collide.
func TestTable(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var table dense.Table
	model := map[uint64][]uint32{}
	for n := range uint32(5000) {
		hash := r.Uint64N(3000) << 40
		switch n % 7 {
		case 0:
			hash = r.Uint64()
		case 1:
			hash = r.Uint64N(4)
		}
		table.Add(hash, n)
		model[max(hash, 1)] = append(model[max(hash, 1)], n)
	}
	for hash, want := range model {
		if got := slices.Collect(table.At(hash)); !slices.Equal(got, want) {
			t.Fatalf("under %x: %v, want %v", hash, got, want)
		}
	}
	for _, absent := range []uint64{5, 1 << 39, 3001 << 40} {
		for n := range table.At(absent) {
			t.Errorf("under %x: %d", absent, n)
		}
	}
	for n := range new(dense.Table).At(7) {
		t.Errorf("an empty table has %d", n)
	}
}
