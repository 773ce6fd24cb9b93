package cmd

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

// npyMagic begins a .npy file; after it come two bytes of version, the length
// of the header (two bytes in version 1, four from version 2), and the header,
// a Python dictionary. https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
const npyMagic = "\x93NUMPY"

// npyHeaderMax bounds what a header may claim; real ones take 118 bytes.
const npyHeaderMax = 1 << 16

// npyHeader is what the header of a .npy file says about its floats.
type npyHeader struct {
	order binary.ByteOrder
	size  int // bytes in a number: 4 or 8
	rows  int
	dim   int
}

// npyVectors yields the rows of a .npy file of one vector or of a matrix.
func npyVectors(r io.Reader) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		h, err := readNpyHeader(r)
		if err != nil {
			yield(row{number: 1}, usagef("reading a .npy file: %w", err))
			return
		}
		h.vectors(r)(yield)
	}
}

// vectors yields the rows that follow the header.
func (h npyHeader) vectors(r io.Reader) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		n := 0
		for v, err := range rawVectors(io.LimitReader(r, int64(h.rows)*int64(h.dim)*int64(h.size)), h.dim, h.order, h.size) {
			n++
			if !yield(v, err) {
				return
			}
			if err != nil && v.vector == nil {
				return
			}
		}
		if n < h.rows {
			yield(row{number: n + 1}, usagef("reading a .npy file: it ends after %d of %d vectors", n, h.rows))
		}
	}
}

func readNpyHeader(r io.Reader) (npyHeader, error) {
	var start [8]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return npyHeader{}, err
	}
	if string(start[:len(npyMagic)]) != npyMagic {
		return npyHeader{}, errors.New("not a .npy file")
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
		return npyHeader{}, fmt.Errorf("unknown version %d", version)
	}
	if err != nil {
		return npyHeader{}, err
	}
	if length > npyHeaderMax {
		return npyHeader{}, fmt.Errorf("a header of %d bytes", length)
	}
	header := make([]byte, length)
	if _, err := io.ReadFull(r, header); err != nil {
		return npyHeader{}, err
	}
	return parseNpyHeader(string(header))
}

func parseNpyHeader(text string) (npyHeader, error) {
	var h npyHeader
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
		h.rows, h.dim = 1, sizes[0]
	case 2:
		h.rows, h.dim = sizes[0], sizes[1]
	}
	if h.dim < 1 || h.dim > 1<<16 || h.rows > 1<<40/h.dim {
		return h, fmt.Errorf("shape (%s): one vector, or rows of vectors, are read", shape)
	}
	return h, nil
}

// npyEntry returns what pattern captures in a header, "" where it is not there.
func npyEntry(header, pattern string) string {
	if m := regexp.MustCompile(pattern).FindStringSubmatch(header); m != nil {
		return m[1]
	}
	return ""
}

// npyAlign is what the floats of a .npy file begin at a multiple of.
const npyAlign = 64

// npyMatrixHeader is what comes before the floats of a matrix, in version 1.
func npyMatrixHeader(rows int64, dim int) []byte {
	text := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", rows, dim)
	before := len(npyMagic) + 4
	text += strings.Repeat(" ", npyAlign-1-(before+len(text))%npyAlign) + "\n"
	header := append([]byte(npyMagic), 1, 0)
	return append(binary.LittleEndian.AppendUint16(header, uint16(len(text))), text...)
}
