package vector

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strconv"
	"strings"
)

// NpyMagic begins a .npy file. Two bytes of version follow, the length of the
// header (two bytes in version 1, four from version 2), and the header, a
// Python dictionary: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
const NpyMagic = "\x93NUMPY"

// npyHeaderMax bounds the length that a file may give its header; those that
// NumPy writes for vectors have 118 bytes.
const npyHeaderMax = 1 << 16

// Npy is the header of a .npy file of float32 or float64: one vector, or a
// matrix with a vector in each row.
type Npy struct {
	Rows, Dim int

	order binary.ByteOrder
	size  int // bytes of a number: 4 or 8
}

// readNpy yields the rows of a .npy file.
func readNpy(r io.Reader) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		h, err := ReadNpyHeader(r)
		if err != nil {
			yield(Row{Number: 1}, errorf("reading a .npy file: %v", err))
			return
		}
		h.Vectors(r)(yield)
	}
}

// Vectors yields the rows that follow the header in r. Its errors are those of
// [Read].
func (h Npy) Vectors(r io.Reader) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		n := 0
		for row, err := range readRows(io.LimitReader(r, int64(h.Rows)*int64(h.Dim)*int64(h.size)), h.Dim, h.order, h.size) {
			n++
			if !yield(row, err) || row.Vector == nil {
				return
			}
		}
		if n < h.Rows {
			yield(Row{Number: n + 1}, errorf("reading a .npy file: it ends after %d of %d vectors", n, h.Rows))
		}
	}
}

// ReadNpyHeader reads the header, and nothing of what follows it.
func ReadNpyHeader(r io.Reader) (Npy, error) {
	var start [8]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return Npy{}, err
	}
	if string(start[:len(NpyMagic)]) != NpyMagic {
		return Npy{}, errors.New("not a .npy file")
	}
	var length uint32
	var err error
	switch version := start[6]; version {
	case 1:
		var short uint16
		err = binary.Read(r, binary.LittleEndian, &short)
		length = uint32(short)
	case 2, 3:
		err = binary.Read(r, binary.LittleEndian, &length)
	default:
		return Npy{}, fmt.Errorf("unknown version %d", version)
	}
	if err != nil {
		return Npy{}, err
	}
	if length > npyHeaderMax {
		return Npy{}, fmt.Errorf("a header of %d bytes", length)
	}
	header := make([]byte, length)
	if _, err := io.ReadFull(r, header); err != nil {
		return Npy{}, err
	}
	return parseNpyHeader(string(header))
}

func parseNpyHeader(text string) (Npy, error) {
	var h Npy
	descr := npyEntry(text, `'descr':\s*'([^']*)'`)
	switch descr {
	case "<f4", "<f8":
		h.order = binary.LittleEndian
	case ">f4", ">f8":
		h.order = binary.BigEndian
	default:
		return h, fmt.Errorf("numbers of type %q: only float32 and float64 are read", descr)
	}
	h.size = int(descr[2] - '0')
	if npyEntry(text, `'fortran_order':\s*(True|False)`) != "False" {
		return h, errors.New("columns come first: save it with numpy.ascontiguousarray")
	}
	shape := npyEntry(text, `'shape':\s*\(([0-9, ]*)\)`)
	var sizes []int
	for _, s := range strings.FieldsFunc(shape, func(r rune) bool { return r == ',' || r == ' ' }) {
		n, err := strconv.Atoi(s)
		if err != nil {
			return h, fmt.Errorf("shape (%s)", shape)
		}
		sizes = append(sizes, n)
	}
	switch len(sizes) {
	case 1:
		h.Rows, h.Dim = 1, sizes[0]
	case 2:
		h.Rows, h.Dim = sizes[0], sizes[1]
	}
	if h.Dim < 1 || h.Dim > 1<<16 || h.Rows > 1<<40/h.Dim {
		return h, fmt.Errorf("shape (%s): one vector, or rows of vectors, are read", shape)
	}
	return h, nil
}

// npyEntry returns what pattern captures in a header, or "".
func npyEntry(header, pattern string) string {
	if m := regexp.MustCompile(pattern).FindStringSubmatch(header); m != nil {
		return m[1]
	}
	return ""
}

// npyAlign divides the offset of the numbers in a .npy file.
const npyAlign = 64

// NpyHeader returns the start of a .npy file of version 1 that holds a matrix of
// float32: its rows follow as [Bytes] gives them.
func NpyHeader(rows int64, dim int) []byte {
	text := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", rows, dim)
	before := len(NpyMagic) + 4
	text += strings.Repeat(" ", npyAlign-1-(before+len(text))%npyAlign) + "\n"
	header := append([]byte(NpyMagic), 1, 0)
	return append(binary.LittleEndian.AppendUint16(header, uint16(len(text))), text...)
}
