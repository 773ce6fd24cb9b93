package use

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// arrays is an archive of numpy: a zip of .npy files, each a header in Python's syntax and the
// numbers. See https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
type arrays struct {
	files   map[string]*zip.File
	epsilon float64
}

func openArrays(from fs.FS) (*arrays, error) {
	data, err := readAll(from, WeightsFile)
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrFiles)
	}
	a := &arrays{files: map[string]*zip.File{}}
	for _, f := range z.File {
		a.files[strings.TrimSuffix(f.Name, ".npy")] = f
	}
	_, raw, err := a.array("eps", "<f8")
	if err != nil {
		return nil, err
	}
	if len(raw) != 8 {
		return nil, fmt.Errorf("array \"eps\" is no number: %w", ErrFiles)
	}
	a.epsilon = math.Float64frombits(binary.LittleEndian.Uint64(raw))
	if !(a.epsilon >= 0 && a.epsilon <= 1) {
		return nil, fmt.Errorf("eps is %v: %w", a.epsilon, ErrFiles)
	}
	return a, nil
}

// header is that of a .npy file of rows one behind the other.
var header = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\{'descr': '([<|][fu][148])', 'fortran_order': False, 'shape': \(([0-9, ]*)\), \} *\n$`)
})

// open returns the shape of an array and its numbers, size bytes, to be closed by the caller.
func (a *arrays) open(name, dtype string) (shape []int, size int, numbers io.ReadCloser, err error) {
	f := a.files[name]
	if f == nil {
		return nil, 0, nil, fmt.Errorf("there is no array %q: %w", name, ErrFiles)
	}
	r, err := f.Open()
	if err != nil {
		return nil, 0, nil, err
	}
	if shape, size, err = readHeader(r, dtype); err != nil {
		r.Close()
		return nil, 0, nil, fmt.Errorf("array %q: %w", name, err)
	}
	return shape, size, r, nil
}

// readHeader reads the header of an array whose numbers have a type, and returns their bytes.
func readHeader(r io.Reader, dtype string) (shape []int, size int, err error) {
	var start struct {
		Magic   [6]byte
		Version [2]byte
		Length  uint16
	}
	if err := binary.Read(r, binary.LittleEndian, &start); err != nil {
		return nil, 0, fmt.Errorf("%w: %w", err, ErrFiles)
	}
	text := make([]byte, start.Length)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, 0, fmt.Errorf("%w: %w", err, ErrFiles)
	}
	found := header().FindSubmatch(text)
	if string(start.Magic[:]) != "\x93NUMPY" || start.Version != [2]byte{1, 0} || found == nil || string(found[1]) != dtype {
		return nil, 0, fmt.Errorf("%q is no header of %s in rows: %w", text, dtype, ErrFiles)
	}
	size = int(dtype[2] - '0')
	for _, field := range strings.FieldsFunc(string(found[2]), func(r rune) bool { return r == ',' || r == ' ' }) {
		n, err := strconv.Atoi(field)
		if err != nil || n < 1 || n > maxFile || size*n > maxFile {
			return nil, 0, fmt.Errorf("the shape (%s): %w", found[2], ErrFiles)
		}
		shape, size = append(shape, n), size*n
	}
	return shape, size, nil
}

// shape returns the shape of an array.
func (a *arrays) shape(name, dtype string) ([]int, error) {
	shape, _, r, err := a.open(name, dtype)
	if err != nil {
		return nil, err
	}
	return shape, r.Close()
}

// array returns an array's shape and its numbers as bytes.
func (a *arrays) array(name, dtype string) ([]int, []byte, error) {
	shape, size, r, err := a.open(name, dtype)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	data := make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, nil, fmt.Errorf("array %q: %w: %w", name, err, ErrFiles)
	}
	return shape, data, nil
}

// read returns an array of bytes.
func (a *arrays) read(name string) ([]byte, error) {
	_, data, err := a.array(name, "|u1")
	return data, err
}

// floats returns an array of float32, which must have the given shape.
func (a *arrays) floats(name string, shape ...int) ([]float32, error) {
	have, data, err := a.array(name, "<f4")
	if err != nil {
		return nil, err
	}
	if !slices.Equal(have, shape) {
		return nil, fmt.Errorf("array %q has the shape %v, not %v: %w", name, have, shape, ErrFiles)
	}
	x := make([]float32, len(data)/4)
	_, err = binary.Decode(data, binary.LittleEndian, x)
	return x, err
}
