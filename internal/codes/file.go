//go:build cgo

package codes

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"sheaf/internal/column"
	"sheaf/internal/vector"
)

// Origin names the vectors that codes are made of: an index file of a store, whose rows
// have Dim numbers.
type Origin struct {
	Store [16]byte
	Index int64
	Dim   int
}

// File holds the codes of the first rows of an index file, in the order of these or, where
// the file has an order of its own, with the number of its row beside each. Any number of
// goroutines may search it at once, also while one appends.
//
// It is a column of bytes after a header, see docs/format.md; how many of its blocks
// count its owner remembers.
type File struct {
	*column.File
	frame   *frame
	layout  layout
	header  int64 // its length
	pad     int64 // how many bytes lie between it and the blocks
	ordered int64 // the first blocks, whose parts lie apart; see Shape
	level   level
	rows    int64 // that Candidates looks at
}

// blockBytes is how long a block should be at most. Two of them, one in memory and one
// unpacked, are in the cache of a core then.
const blockBytes = 512 << 10

// BlockRows is how many rows a block has in files of that dim: 1,024 up to dim 456, and
// fewer above.
func BlockRows(dim int) int {
	rows := 1024
	for rows > group && layoutOf(dim, rows, false).bytes() > blockBytes {
		rows /= 2
	}
	return rows
}

// Shape is how the blocks of a file are made.
type Shape struct {
	Rows int // of a block, a multiple of 16

	// Ordered is how many blocks are put in an order of the file's own, before others follow in that of
	// the index file; 0: it has none. Their parts lie apart, so that what a pass reads of all of
	// them lies together.
	Ordered int64
}

// Create makes a file without codes at path. sample are some of the rows, which fit the
// codes to them. See column.Create.
func Create(path string, o Origin, sample []float32, s Shape) (*File, error) {
	if s.Rows < group || s.Rows%group != 0 || s.Rows > math.MaxInt32/octet || s.Ordered < 0 {
		return nil, fmt.Errorf("blocks of %d rows, of which %d are ordered", s.Rows, s.Ordered)
	}
	f := &File{frame: newFrame(o.Dim, sample, o.Store), layout: layoutOf(o.Dim, s.Rows, s.Ordered > 0), ordered: s.Ordered, level: chosen()}
	head := f.head(o)
	f.begin(len(head))
	column, err := column.Create(path, column.Format{RowBytes: 1, Header: func(int64) []byte { return head }})
	f.File = column
	return f, err
}

// Open opens the file at path for the codes of the first rows rows of o, to be read
// (os.O_RDONLY) or appended to as well (os.O_RDWR). One that is missing, too short or not
// of o is a *column.DamageError.
func Open(path string, o Origin, rows int64, flag int) (*File, error) {
	f := &File{level: chosen(), rows: rows}
	head := make([]byte, headerBytes(o.Dim, true))
	format := column.Format{
		RowBytes: 1,
		Header:   func(int64) []byte { return head },
		Check: func(header []byte) error {
			if string(header[:len(magic)]) != magicOrdered {
				header = header[:headerBytes(o.Dim, false)]
			}
			head = header
			return f.parse(header, o)
		},
	}
	var err error
	if f.File, err = column.Open(path, format, 0, flag); err != nil {
		return nil, err
	}
	switch extra, err := f.Extra(rows); {
	case err != nil:
		return nil, errors.Join(err, f.Close())
	case rows%int64(f.layout.rows) != 0, extra < 0:
		return nil, errors.Join(&column.DamageError{Path: path, Problem: fmt.Sprintf("it has no codes of %d rows", rows)}, f.Close())
	}
	return f, nil
}

// end is where the blocks of the first rows rows end, counted from the header.
func (f *File) end(rows int64) int64 {
	switch n := rows / f.BlockRows(); {
	case n == 0:
		return 0
	case n < f.ordered:
		return f.pad + f.ordered*int64(f.layout.begin(lowPart)) + n*int64(f.layout.bytes()-f.layout.begin(lowPart))
	default:
		return f.pad + n*int64(f.layout.bytes())
	}
}

// pieces calls do with the parts from one up to another of the block at place at, of which b has all, and
// where they lie, counted from the header: piece by piece.
func (f *File) pieces(at int64, b []byte, from, to part, do func(piece []byte, at int64) error) error {
	n, l := at/f.BlockRows(), f.layout
	if n >= f.ordered {
		return do(b[l.begin(from):l.begin(to)], f.pad+n*int64(l.bytes())+int64(l.begin(from)))
	}
	for p := from; p < to; p++ {
		first, end := l.begin(p), l.begin(p+1)
		if err := do(b[first:end], f.pad+f.ordered*int64(first)+n*int64(end-first)); err != nil {
			return err
		}
	}
	return nil
}

// page is where ordered blocks begin at a multiple of, so that those of most dims share
// no page of the page cache: two threads that read neighbours would wait for one another.
const page = 4096

// begin notes where the blocks begin, behind a header of n bytes.
func (f *File) begin(n int) {
	if f.header, f.pad = int64(n), 0; f.ordered > 0 {
		f.pad = (page - f.header%page) % page
	}
}

// read reads the parts from one up to another of the block at place at to b, which has room for all.
func (f *File) read(at int64, b []byte, from, to part) error {
	return f.pieces(at, b, from, to, func(piece []byte, at int64) error {
		return readAt(f.File.File, piece, f.header+at)
	})
}

// Rows is how many rows Candidates looks at.
func (f *File) Rows() int64 { return f.rows }

// Ordered reports whether the file has an order of its own.
func (f *File) Ordered() bool { return f.layout.ordered }

// BlockRows is how many rows are encoded together.
func (f *File) BlockRows() int64 { return int64(f.layout.rows) }

// Extra is how many bytes lie past the blocks of the first rows rows; negative where some
// of these are missing.
func (f *File) Extra(rows int64) (int64, error) { return f.Tail(f.end(rows)) }

// Cut makes the file end behind the blocks of the first rows rows.
func (f *File) Cut(rows int64) error { return f.File.Cut(f.end(rows)) }

// Append encodes rows, whole blocks of them, behind the first at ones. numbers are those of
// the rows; without an order of its own the file takes them to be at and those that follow.
// Sync makes them durable.
func (f *File) Append(at int64, numbers []int64, rows []float32) error {
	buf := make([]float32, f.layout.bytes()/vector.Size)
	dim := len(f.frame.mean)
	for n := f.layout.rows * dim; len(rows) > 0; rows, numbers = rows[n:], numbers[f.layout.rows:] {
		f.encode(numbers[:f.layout.rows], rows[:n], buf)
		if err := f.pieces(at, vector.Bytes(buf), 0, parts, func(piece []byte, at int64) error { return f.File.Append(at, piece) }); err != nil {
			return fmt.Errorf("writing %q: %w", f.Name(), err)
		}
		at += f.BlockRows()
	}
	return nil
}

// encode writes the block of rows to buf.
func (f *File) encode(numbers []int64, rows, buf []float32) {
	b := f.layout.block(buf)
	b.encode(f.level, f.frame, rows, make([]float32, 2*(f.layout.octets*octet+group)))
	for i := range b.numbers {
		b.numbers[i] = uint32(numbers[i])
	}
	copy(b.rough.numbers, b.numbers)
	encoded := vector.Bytes(buf)
	end := len(encoded) - checksums
	binary.LittleEndian.PutUint32(encoded[end:], column.Checksum(vector.Bytes(rows)))
	binary.LittleEndian.PutUint32(encoded[end+vector.Size:], column.Checksum(encoded[:end+vector.Size]))
}

// Numbers returns the numbers of the rows whose codes are in the block at place at, each
// below Rows.
func (f *File) Numbers(at int64) ([]int64, error) {
	buf := make([]float32, f.layout.bytes()/vector.Size)
	if f.layout.ordered {
		if err := f.read(at, vector.Bytes(buf), highPart, lowPart); err != nil {
			return nil, fmt.Errorf("the codes from place %d on cannot be read: %w", at, err)
		}
	}
	b, numbers := f.layout.block(buf), make([]int64, f.layout.rows)
	for i := range numbers {
		if numbers[i] = b.row(at, int32(i)); numbers[i] >= f.rows {
			return nil, fmt.Errorf("the codes from place %d on are those of rows that are not there", at)
		}
	}
	return numbers, nil
}

// Verify holds the block at place at against its checksums. rows are those of its Numbers.
// The error says what is wrong.
func (f *File) Verify(at int64, rows []float32) error {
	encoded := make([]byte, f.layout.bytes())
	if err := f.read(at, encoded, 0, parts); err != nil {
		return fmt.Errorf("the codes of rows %d to %d cannot be read: %w", at, at+f.BlockRows()-1, err)
	}
	of := encoded[len(encoded)-checksums:]
	own := of[vector.Size:]
	switch {
	case column.Checksum(encoded[:len(encoded)-len(own)]) != binary.LittleEndian.Uint32(own):
		return fmt.Errorf("the codes of rows %d to %d fail their checksum", at, at+f.BlockRows()-1)
	case column.Checksum(vector.Bytes(rows)) != binary.LittleEndian.Uint32(of):
		return fmt.Errorf("the codes of rows %d to %d are those of other vectors", at, at+f.BlockRows()-1)
	}
	return nil
}

// The header: magic, the id of the store, the number of its index file, dim, and the rows
// of a block; in a file with an order of its own how many blocks are ordered; then the mean, the signs of the
// rotation as bits, and the checksum of all before it.
const (
	magic        = "sheafco1"
	magicOrdered = "sheafco4" // of a file with an order of its own
	atIndex      = len(magic) + 16
	atDim        = atIndex + 8
	atRows       = atDim + 4
	atOrdered    = atRows + 4
)

// headerBytes is how long a header is, with or without the number of ordered blocks.
func headerBytes(dim int, ordered bool) int {
	n := atOrdered + vector.Size*dim + (rounds*dim+7)/8 + vector.Size
	if ordered {
		n += 8
	}
	return n
}

func (f *File) head(o Origin) []byte {
	b := append([]byte(magic), o.Store[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(o.Index))
	b = binary.LittleEndian.AppendUint32(b, uint32(o.Dim))
	b = binary.LittleEndian.AppendUint32(b, uint32(f.layout.rows))
	if f.ordered > 0 {
		copy(b, magicOrdered)
		b = binary.LittleEndian.AppendUint64(b, uint64(f.ordered))
	}
	b = append(b, vector.Bytes(f.frame.mean)...)
	signs := make([]byte, (rounds*o.Dim+7)/8)
	for i, s := range f.frame.signs {
		if s < 0 {
			signs[i/8] |= 1 << (i % 8)
		}
	}
	b = append(b, signs...)
	return binary.LittleEndian.AppendUint32(b, column.Checksum(b))
}

// parse takes the header b over.
func (f *File) parse(b []byte, o Origin) error {
	kind, end := string(b[:len(magic)]), len(b)-vector.Size
	rows := binary.LittleEndian.Uint32(b[atRows:])
	switch {
	case kind != magic && kind != magicOrdered:
		return errors.New("it is no file of codes")
	case column.Checksum(b[:end]) != binary.LittleEndian.Uint32(b[end:]):
		return errors.New("its header fails its checksum")
	case [16]byte(b[len(magic):]) != o.Store:
		return errors.New("it belongs to another store")
	case binary.LittleEndian.Uint64(b[atIndex:]) != uint64(o.Index), binary.LittleEndian.Uint32(b[atDim:]) != uint32(o.Dim):
		return errors.New("it belongs to another index file")
	case rows < group || rows%group != 0 || int(rows) > BlockRows(o.Dim):
		return fmt.Errorf("it has blocks of %d rows", rows)
	}
	n := len(b)
	f.layout = layoutOf(o.Dim, int(rows), kind == magicOrdered)
	if b = b[atOrdered:]; kind == magicOrdered {
		f.ordered, b = int64(binary.LittleEndian.Uint64(b)), b[8:]
		if f.ordered < 1 || f.ordered > math.MaxInt64/int64(f.layout.bytes())/2 {
			return fmt.Errorf("it has %d ordered blocks", f.ordered)
		}
	}
	f.begin(n)
	f.frame = &frame{vector.FromBytes(b[:vector.Size*o.Dim]), make([]float32, rounds*o.Dim)}
	signs := b[vector.Size*o.Dim:]
	for i := range f.frame.signs {
		f.frame.signs[i] = 1 - 2*float32(signs[i/8]>>(i%8)&1)
	}
	return nil
}
