package sqlite

/*
#include "door.h"
*/
import "C"

import "unsafe"

// Type is the type of a value.
type Type int

// The types, with SQLite's numbers.
const (
	Integer Type = 1
	Float   Type = 2
	Text    Type = 3
	Blob    Type = 4
	Null    Type = 5
)

// Row is a row of a query, valid until the next one is asked for. A value of
// another type than the one asked for, and a column that is not there, is zero;
// integers and floats are converted into each other.
type Row struct{ cells []C.cell }

func (r *Row) cell(i int) C.cell {
	if i < 0 || i >= len(r.cells) {
		return C.cell{_type: C.int(Null)}
	}
	return r.cells[i]
}

// Type is the type of column i, counted from 0.
func (r *Row) Type(i int) Type { return Type(r.cell(i)._type) }

// Int64 is the number in column i.
func (r *Row) Int64(i int) int64 {
	switch c := r.cell(i); Type(c._type) {
	case Integer:
		return int64(c.integer)
	case Float:
		return int64(c.real)
	}
	return 0
}

// Int is Int64 as an int.
func (r *Row) Int(i int) int { return int(r.Int64(i)) }

// Bool reports whether the number in column i is not 0.
func (r *Row) Bool(i int) bool { return r.Int64(i) != 0 }

// Float64 is the number in column i.
func (r *Row) Float64(i int) float64 {
	switch c := r.cell(i); Type(c._type) {
	case Integer:
		return float64(c.integer)
	case Float:
		return float64(c.real)
	}
	return 0
}

// Len is the number of columns.
func (r *Row) Len() int { return len(r.cells) }

// Value is column i as an int64, a float64, a string or a []byte; nil where it is NULL.
func (r *Row) Value(i int) any {
	switch r.Type(i) {
	case Integer:
		return r.Int64(i)
	case Float:
		return r.Float64(i)
	case Text:
		return r.Text(i)
	case Blob:
		return r.Bytes(i)
	}
	return nil
}

// Text is a copy of the text or blob in column i.
func (r *Row) Text(i int) string { return string(r.bytes(i)) }

// Bytes is a copy of the text or blob in column i: nil where it is NULL or a
// number, and not nil where it is empty.
func (r *Row) Bytes(i int) []byte {
	if t := r.Type(i); t != Text && t != Blob {
		return nil
	}
	return append([]byte{}, r.bytes(i)...)
}

// bytes is the text or blob in column i, in memory of SQLite.
func (r *Row) bytes(i int) []byte {
	c := r.cell(i)
	if t := Type(c._type); t != Text && t != Blob || c.text == nil {
		return nil
	}
	return unsafe.Slice((*byte)(c.text), int(c.size))
}
