package vector

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// npyFile makes a file as numpy.save does, version 1.0.
func npyFile(descr, shape string, data []byte) string {
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", descr, shape)
	return NpyMagic + "\x01\x00" + string([]byte{byte(len(header)), byte(len(header) >> 8)}) + header + string(data)
}

func TestNpy(t *testing.T) {
	t.Parallel()
	little, big := floats(binary.LittleEndian, 1, 2, 3, 4), floats(binary.BigEndian, 1, 2, 3, 4)
	var doubles []byte
	for _, n := range []float64{1, 2, 3, 4} {
		doubles = binary.LittleEndian.AppendUint64(doubles, math.Float64bits(n))
	}
	two := [][]float32{{1, 2}, {3, 4}}
	version2 := strings.Replace(npyFile("<f4", "(2, 2)", little), "\x01\x00", "\x02\x00", 1)
	version2 = version2[:10] + "\x00\x00" + version2[10:]
	tests := []struct {
		name, in string
		want     [][]float32
		err      string
	}{
		{"a matrix", npyFile("<f4", "(2, 2)", little), two, ""},
		{"a vector", npyFile("<f4", "(4,)", little), [][]float32{{1, 2, 3, 4}}, ""},
		{"big-endian", npyFile(">f4", "(2, 2)", big), two, ""},
		{"float64", npyFile("<f8", "(2, 2)", doubles), two, ""},
		{"version 2", version2, two, ""},
		{"no rows", npyFile("<f4", "(0, 2)", nil), nil, ""},
		{"more bytes than the shape", npyFile("<f4", "(1, 2)", little), two[:1], ""},
		{"fewer bytes", npyFile("<f4", "(3, 2)", little), two, "ends after 2 of 3 vectors"},
		{"half a row", npyFile("<f4", "(2, 2)", little[:12]), two[:1], "ends after 4 of 8 bytes"},
		{"integers", npyFile("<i8", "(2, 2)", little), nil, `numbers of type "<i8"`},
		{"columns first", strings.Replace(npyFile("<f4", "(2, 2)", little), "False", "True ", 1), nil, "columns come first"},
		{"a scalar", npyFile("<f4", "()", little), nil, "shape ()"},
		{"a cube", npyFile("<f4", "(1, 2, 2)", little), nil, "shape (1, 2, 2)"},
		{"an endless shape", npyFile("<f4", "(99999999999999999999, 2)", little), nil, "shape"},
		{"a shape that overflows", npyFile("<f4", "(9223372036854775807, 65536)", little), nil, "shape"},
		{"an unknown version", NpyMagic + "\x09\x00\x00\x00", nil, "unknown version 9"},
		{"a header that claims too much", NpyMagic + "\x02\x00\xff\xff\xff\x7f", nil, "a header of 2147483647 bytes"},
		{"no header", NpyMagic + "\x01\x00", nil, "EOF"},
		{"half a header", NpyMagic + "\x01\x00\x76\x00{", nil, "unexpected EOF"},
		{"nothing but the magic", NpyMagic, nil, "EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := collect(Read(strings.NewReader(tt.in)))
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
