package cmd

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
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// looksNegative tells whether an argument is a vector that begins with a minus
// sign. -0 is a flag of search-vector; -0.1 and "-0 1" are vectors.
func looksNegative(arg string) bool {
	rest, ok := strings.CutPrefix(arg, "-")
	if !ok || rest == "" {
		return false
	}
	const digits, separators = "0123456789", "., \t\n"
	if rest[0] == '0' {
		return len(rest) > 1 && strings.ContainsRune(digits+separators, rune(rest[1]))
	}
	return strings.ContainsRune(digits+".", rune(rest[0]))
}

// guardVectors keeps the vectors among the arguments of search-vector from
// being taken for flags: a blank in front changes neither a vector nor what
// its parser thinks of it.
func guardVectors(args []string) []string {
	guarded, vectors := make([]string, len(args)), false
	for i, a := range args {
		if a == "--" {
			copy(guarded[i:], args[i:])
			break
		}
		vectors = vectors || a == "search-vector"
		if vectors && looksNegative(a) {
			a = " " + a
		}
		guarded[i] = a
	}
	return guarded
}

// parseVector reads a JSON array, or numbers separated by blanks or commas.
func parseVector(text string) ([]float32, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "[") {
		var v numbers
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			return nil, malformed(err)
		}
		return v, checkVector(v)
	}
	var words []string
	for part := range strings.SplitSeq(text, ",") {
		fields := strings.Fields(part)
		if len(fields) == 0 && text != "" {
			return nil, fmt.Errorf("a malformed vector: number %d is missing", len(words)+1)
		}
		words = append(words, fields...)
	}
	v := make([]float32, len(words))
	for i, w := range words {
		f, err := strconv.ParseFloat(w, 32)
		if err != nil || strings.ContainsAny(w, "xX_") {
			return nil, fmt.Errorf("a malformed vector: number %d is %q", i+1, w)
		}
		v[i] = float32(f)
	}
	return v, checkVector(v)
}

// usable is checkVector for a vector of a file.
func usable(v []float32) error {
	if err := checkVector(v); err != nil {
		return &usageError{err}
	}
	return nil
}

// numbers are a JSON array of nothing but numbers: null, which encoding/json
// passes over, is none.
type numbers []float32

func (v *numbers) UnmarshalJSON(b []byte) error {
	if bytes.Contains(b, []byte("null")) {
		return &json.UnmarshalTypeError{Value: "null", Type: reflect.TypeFor[[]float32]()}
	}
	return json.Unmarshal(b, (*[]float32)(v))
}

// malformed explains why JSON is no vector.
func malformed(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return fmt.Errorf("a malformed vector: it has a JSON %s in the place of a number", kind.Value)
	}
	return fmt.Errorf("a malformed vector: %w", err)
}

func checkVector(v []float32) error {
	if len(v) == 0 {
		return errors.New("an empty vector")
	}
	for i, f := range v {
		if math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) {
			return fmt.Errorf("a malformed vector: number %d is %v", i+1, f)
		}
	}
	return nil
}

// vectorInput says how the bytes of a vector file are to be read.
type vectorInput struct {
	raw bool // little-endian float32 without a header
	dim int  // numbers in a raw vector
}

// row is a vector of a file, with its line where lines count, else its number.
type row struct {
	number int
	vector []float32
}

// readVectors yields the vectors in r: a .npy file, raw float32, JSON arrays
// (of numbers, or of arrays), or lines of numbers. A file with one number a
// line is one vector. A *usageError is about one row, and others may follow.
func readVectors(r io.Reader, in vectorInput) iter.Seq2[row, error] {
	b := bufio.NewReaderSize(r, 1<<20)
	if in.raw {
		return rawVectors(b, in.dim, binary.LittleEndian, 4)
	}
	if magic, _ := b.Peek(len(npyMagic)); string(magic) == npyMagic {
		return npyVectors(b)
	}
	if first := firstByte(b); first == '[' {
		return jsonVectors(b)
	}
	return lineVectors(b)
}

// firstByte returns the first byte of b that is not blank, and consumes the
// blanks before it; 0 where there is none.
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

// rawVectors yields vectors of dim numbers of size bytes each, 4 or 8.
func rawVectors(r io.Reader, dim int, order binary.ByteOrder, size int) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		buf := make([]byte, dim*size)
		for n := 1; ; n++ {
			got, err := io.ReadFull(r, buf)
			switch {
			case err == io.EOF:
				return
			case err == io.ErrUnexpectedEOF:
				yield(row{number: n}, usagef("vector %d ends after %d of %d bytes", n, got, len(buf)))
				return
			case err != nil:
				yield(row{number: n}, err)
				return
			}
			v := make([]float32, dim)
			for i := range v {
				if size == 8 {
					v[i] = float32(math.Float64frombits(order.Uint64(buf[8*i:])))
				} else {
					v[i] = math.Float32frombits(order.Uint32(buf[4*i:]))
				}
			}
			if !yield(row{n, v}, usable(v)) {
				return
			}
		}
	}
}

func jsonVectors(r io.Reader) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		d, n := json.NewDecoder(r), 0
		for {
			var rows vectorRows
			err := d.Decode(&rows)
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(row{number: n + 1}, &usageError{malformed(err)})
				return
			}
			for _, v := range rows {
				if n++; !yield(row{n, v}, usable(v)) {
					return
				}
			}
		}
	}
}

// vectorRows is one array of numbers, or an array of such arrays.
type vectorRows []numbers

func (rows *vectorRows) UnmarshalJSON(b []byte) error {
	if rest := bytes.TrimSpace(bytes.TrimPrefix(b, []byte("["))); bytes.HasPrefix(rest, []byte("[")) {
		return json.Unmarshal(b, (*[]numbers)(rows))
	}
	var v numbers
	err := json.Unmarshal(b, &v)
	*rows = vectorRows{v}
	return err
}

func lineVectors(r *bufio.Reader) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		var column []float32
		for n := 1; ; n++ {
			line, err := r.ReadString('\n')
			if err != nil && err != io.EOF {
				yield(row{number: n}, err)
				return
			}
			if strings.TrimSpace(line) != "" {
				v, bad := parseVector(line)
				if bad != nil {
					bad = usagef("line %d: %w", n, bad)
				}
				switch {
				case bad == nil && len(v) == 1 && (n == 1 || column != nil):
					column = append(column, v[0])
				case !yield(row{n, v}, bad):
					return
				}
			}
			if err == io.EOF {
				break
			}
		}
		if column != nil {
			yield(row{1, column}, nil)
		}
	}
}
