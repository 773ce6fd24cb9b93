package weaviate

import (
	"encoding/binary"
	"errors"
	"math"
)

// The messages of the server's gRPC interface are protocol buffers, of which this is as much as they
// need: https://protobuf.dev/programming-guides/encoding. Code that a compiler generates would
// register itself before main, and every command would pay for it.

// The types of fields.
const (
	typeVarint  = 0
	typeFixed64 = 1
	typeBytes   = 2
	typeFixed32 = 5
)

// message is one that is being written. Its methods append a field.
type message []byte

func (m message) tag(field, kind int) message {
	return binary.AppendUvarint(m, uint64(field)<<3|uint64(kind))
}

func (m message) number(field int, n uint64) message {
	return binary.AppendUvarint(m.tag(field, typeVarint), n)
}

func (m message) double(field int, x float64) message {
	return binary.LittleEndian.AppendUint64(m.tag(field, typeFixed64), math.Float64bits(x))
}

func (m message) text(field int, s string) message {
	return append(binary.AppendUvarint(m.tag(field, typeBytes), uint64(len(s))), s...)
}

func (m message) bytes(field int, b []byte) message {
	return append(binary.AppendUvarint(m.tag(field, typeBytes), uint64(len(b))), b...)
}

var errMessage = errors.New("its answer is no message of the interface")

// field is one of a message that is read: its number, and its value, which is a number or some bytes.
type field struct {
	number int
	value  uint64
	bytes  []byte
}

// walk visits the fields of a message, until an error.
func walk(m []byte, visit func(field) error) error {
	for len(m) > 0 {
		tag, size := binary.Uvarint(m)
		if size <= 0 {
			return errMessage
		}
		f := field{number: int(tag >> 3)}
		if m = f.read(tag&7, m[size:]); m == nil {
			return errMessage
		}
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

// read reads a value, and returns what follows: nil where there is no such value.
func (f *field) read(kind uint64, m []byte) []byte {
	size := 0
	switch kind {
	case typeVarint:
		f.value, size = binary.Uvarint(m)
	case typeFixed64:
		if len(m) >= 8 {
			f.value, size = binary.LittleEndian.Uint64(m), 8
		}
	case typeFixed32:
		if len(m) >= 4 {
			f.value, size = uint64(binary.LittleEndian.Uint32(m)), 4
		}
	case typeBytes:
		n, prefix := binary.Uvarint(m)
		if prefix > 0 && n <= uint64(len(m)-prefix) {
			size = prefix + int(n)
			f.bytes = m[prefix:size]
		}
	}
	if size <= 0 {
		return nil
	}
	return m[size:]
}
