package weaviate

import (
	"encoding/binary"
	"math"
)

// What a server of tests needs to speak gRPC.

// Walk visits the fields of a message.
func Walk(m []byte, visit func(number int, value uint64, bytes []byte)) error {
	return walk(m, func(f field) error {
		visit(f.number, f.value, f.bytes)
		return nil
	})
}

// AppendText appends a field of bytes to a message.
func AppendText[T string | []byte](m []byte, field int, value T) []byte {
	return message(m).text(field, string(value))
}

// AppendNumber appends a field that is a number.
func AppendNumber(m []byte, field int, value uint64) []byte { return message(m).number(field, value) }

// AppendFloat appends a field that is a float32.
func AppendFloat(m []byte, field int, value float32) []byte {
	return binary.LittleEndian.AppendUint32(message(m).tag(field, typeFixed32), math.Float32bits(value))
}
