package vector

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"
	"unicode"
)

// Row is a vector of a file.
type Row struct {
	Number int // its line where the file has lines, else its place among the vectors, from 1
	Vector []float32
}

// BufferSize is that of a bufio.Reader which Read and ReadRaw use as it is.
const BufferSize = 64 << 10

// Read yields the vectors in r: a .npy file, JSON arrays (of numbers, or of
// such arrays), or lines of numbers. A file with one number a line is one
// vector. An *Error is about one row, and others may follow; any other error
// ends the reading.
func Read(r io.Reader) iter.Seq2[Row, error] {
	b := bufio.NewReaderSize(r, BufferSize)
	if magic, _ := b.Peek(len(NpyMagic)); string(magic) == NpyMagic {
		return readNpy(b)
	}
	if firstByte(b) == '[' {
		return readJSON(b)
	}
	return readLines(b)
}

// ReadRaw yields the vectors in r, which are dim little-endian float32 each.
// Its errors are those of Read.
func ReadRaw(r io.Reader, dim int) iter.Seq2[Row, error] {
	return readRows(r, dim, binary.LittleEndian, Size)
}

// firstByte skips blanks and returns the byte after them without consuming it;
// 0 where there is none.
func firstByte(b *bufio.Reader) byte {
	for {
		c, err := b.ReadByte()
		if err != nil {
			return 0
		}
		if !unicode.IsSpace(rune(c)) {
			_ = b.UnreadByte()
			return c
		}
	}
}

// readRows yields vectors of dim numbers of size bytes each, 4 or 8.
func readRows(r io.Reader, dim int, order binary.ByteOrder, size int) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		b := bufio.NewReaderSize(r, BufferSize)
		row := make([]byte, dim*size)
		for n := 1; ; n++ {
			got, err := io.ReadFull(b, row)
			switch {
			case err == io.EOF:
				return
			case err == io.ErrUnexpectedEOF:
				yield(Row{Number: n}, errorf("vector %d ends after %d of %d bytes", n, got, len(row)))
				return
			case err != nil:
				yield(Row{Number: n}, err)
				return
			}
			v := make([]float32, dim)
			for i := range v {
				if size == 8 {
					v[i] = float32(math.Float64frombits(order.Uint64(row[8*i:])))
				} else {
					v[i] = math.Float32frombits(order.Uint32(row[4*i:]))
				}
			}
			if !yield(Row{n, v}, Check(v)) {
				return
			}
		}
	}
}

func readJSON(r io.Reader) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		d, n := json.NewDecoder(r), 0
		for {
			arrays, err := nextArrays(d)
			if err == io.EOF {
				return
			}
			if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) || err == io.ErrUnexpectedEOF {
				err = errorf("a malformed vector: %v", err)
			}
			if err != nil {
				yield(Row{Number: n + 1}, err)
				return
			}
			for _, array := range arrays {
				n++
				v, err := ParseJSON(array)
				if !yield(Row{n, v}, err) {
					return
				}
			}
		}
	}
}

// nextArrays returns the next JSON value: the members of an array of arrays,
// or the value itself.
func nextArrays(d *json.Decoder) (arrays []json.RawMessage, err error) {
	var value json.RawMessage
	if err := d.Decode(&value); err != nil {
		return nil, err
	}
	inside := bytes.TrimSpace(bytes.TrimPrefix(value, []byte("[")))
	if !bytes.HasPrefix(inside, []byte("[")) {
		return []json.RawMessage{value}, nil
	}
	err = json.Unmarshal(value, &arrays)
	return arrays, err
}

func readLines(r *bufio.Reader) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		var column []float32
		for n := 1; ; n++ {
			line, err := r.ReadString('\n')
			if err != nil && err != io.EOF {
				yield(Row{Number: n}, err)
				return
			}
			if strings.TrimSpace(line) != "" {
				v, bad := Parse(line)
				if bad != nil {
					bad = fmt.Errorf("line %d: %w", n, bad)
				}
				switch {
				case bad == nil && len(v) == 1 && (n == 1 || column != nil):
					column = append(column, v[0])
				case !yield(Row{n, v}, bad):
					return
				}
			}
			if err == io.EOF {
				break
			}
		}
		if column != nil {
			yield(Row{1, column}, nil)
		}
	}
}
