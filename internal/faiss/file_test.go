package faiss_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"sheaf/internal/faiss"
)

// fileHeader is the beginning of an IndexFlat, as Faiss writes it.
func fileHeader(fourcc string, d int32, ntotal int64, trained byte, metric uint32, rest ...any) []byte {
	var b bytes.Buffer
	b.WriteString(fourcc)
	for _, field := range append([]any{d, ntotal, [16]byte{}, trained, metric}, rest...) {
		binary.Write(&b, binary.LittleEndian, field)
	}
	return b.Bytes()
}

// TestFileHeaderOfAFileThatCannotBe: the floats of its rows are more than 64 bits count, and a read that fails.
func TestFileHeaderOfAFileThatCannotBe(t *testing.T) {
	t.Parallel()
	wraps := fileHeader("IxF2", 16, 1<<60, 1, 1, int64(0)) // 2^64 floats
	if h, err := faiss.ReadFileHeader(bytes.NewReader(wraps), 1<<62); err == nil {
		t.Errorf("%+v", h)
	}
	if h, err := faiss.ReadFileHeader(bytes.NewReader(wraps[:20]), 45); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%+v, %v", h, err)
	}
}

// TestFileHeader holds the header of a stranger's index at each of its limits.
func TestFileHeader(t *testing.T) {
	t.Parallel()
	const ip, l2, lp = 0, 1, 4 // lp has an argument of 4 bytes
	rows := make([]byte, 4*2*3)
	for name, c := range map[string]struct {
		header, rows []byte
		floats       int64 // where the rows begin; 0: refused
		problem      string
	}{
		"IxF2":                 {fileHeader("IxF2", 2, 3, 1, l2, int64(6)), rows, 45, ""},
		"IxFI":                 {fileHeader("IxFI", 2, 3, 1, ip, int64(6)), rows, 45, ""},
		"IxFl":                 {fileHeader("IxFl", 2, 3, 1, ip, int64(6)), rows, 45, ""},
		"a metric argument":    {fileHeader("IxFl", 2, 3, 1, lp, float32(3), int64(6)), rows, 49, ""},
		"no rows":              {fileHeader("IxF2", 2, 0, 1, l2, int64(0)), nil, 45, ""},
		"a tail":               {fileHeader("IxF2", 2, 2, 1, l2, int64(4)), rows, 45, ""},
		"another type":         {fileHeader("IwFl", 2, 3, 1, l2, int64(6)), rows, 0, ""},
		"nothing":              {nil, nil, 0, "0 bytes are no index"},
		"three bytes":          {[]byte("IxF"), nil, 0, "3 bytes are no index"},
		"four bytes":           {[]byte("IxF2"), nil, 0, "ends after 4 bytes, within its header"},
		"vectors are not kept": {fileHeader("IxHe", 2, 3, 1, l2, int64(6)), rows, 0, "an index of type IndexLSH holds no vectors"},
		"no type":              {fileHeader("Ix??", 2, 3, 1, l2, int64(6)), rows, 0, `starts with "Ix??"`},
		"a byte less":          {fileHeader("IxF2", 2, 0, 1, l2, int64(0))[:44], nil, 0, "ends after 44 bytes"},
		"within the argument":  {fileHeader("IxFl", 2, 0, 1, lp, float32(3), int64(0))[:48], nil, 0, "ends after 48 bytes"},
		"dim 0":                {fileHeader("IxF2", 0, 0, 1, l2, int64(0)), rows, 0, "dim 0"},
		"dim -1":               {fileHeader("IxF2", -1, 0, 1, l2, int64(0)), rows, 0, "dim -1"},
		"the largest dim":      {fileHeader("IxF2", 1<<16, 0, 1, l2, int64(0)), rows, 45, ""},
		"a larger dim":         {fileHeader("IxF2", 1<<16+1, 0, 1, l2, int64(0)), rows, 0, "dim 65537"},
		"a negative count":     {fileHeader("IxF2", 2, -1, 1, l2, int64(-2)), rows, 0, "-1 vectors"},
		"more than the file":   {fileHeader("IxF2", 2, 70, 1, l2, int64(140)), rows, 0, "70 vectors in 69 bytes"},
		"as many as the bytes": {fileHeader("IxF2", 2, 69, 1, l2, int64(138)), rows, 0, "69 bytes, need 597 for 69 rows of dim 2"},
		"not trained":          {fileHeader("IxF2", 2, 3, 0, l2, int64(6)), rows, 0, "is_trained is 0"},
		"an unknown metric":    {fileHeader("IxFl", 2, 3, 1, 77, int64(6)), rows, 0, "77"},
		"another's metric":     {fileHeader("IxF2", 2, 3, 1, ip, int64(6)), rows, 0, `"IxF2" with metric`},
		"other floats":         {fileHeader("IxF2", 2, 3, 1, l2, int64(5)), rows, 0, "5 floats for 3 rows of dim 2"},
		"a row short":          {fileHeader("IxF2", 2, 3, 1, l2, int64(6)), rows[1:], 0, "68 bytes, need 69"},
	} {
		file := append(c.header, c.rows...)
		h, err := faiss.ReadFileHeader(bytes.NewReader(file), int64(len(file)))
		switch {
		case (err != nil) != (c.problem != ""), err != nil && !strings.Contains(err.Error(), c.problem):
			t.Errorf("%s: %v, want %q", name, err, c.problem)
		case err == nil && h.Floats != c.floats:
			t.Errorf("%s: rows from %d, want %d", name, h.Floats, c.floats)
		}
	}
	for fourcc, want := range map[string]bool{"IxF2": true, "IxFI": true, "IwFl": true, "IxHe": true, "Ix??": false, "": false} {
		if got := faiss.IsIndexType(fourcc); got != want {
			t.Errorf("%q is a type: %v", fourcc, got)
		}
	}
}
