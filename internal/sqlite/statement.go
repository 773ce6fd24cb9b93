package sqlite

/*
#include <stdlib.h>
#include "door.h"
*/
import "C"

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"strings"
	"unsafe"
)

// What the C side returns besides errors.
const (
	rowReady = 100 // SQLITE_ROW
	done     = 101 // SQLITE_DONE
)

// cacheSize is how many compiled statements a connection keeps.
const cacheSize = 100

// statement is a compiled statement.
type statement struct {
	stmt    *C.sqlite3_stmt
	cells   *C.cell
	columns C.int
	running bool // between take and put
	cached  bool
	started bool // it must be reset before it is used again
}

// Exec runs one statement to its end. Arguments are nil, bool, int, int64,
// uint32, float64, string or []byte; a nil []byte is an empty blob.
//
// Errors: ErrClosed, the cause of the connection's context, *Error.
func (c *Conn) Exec(sql string, args ...any) error {
	s, err := c.take(sql)
	if err != nil {
		return err
	}
	defer c.put(s)
	if err := c.encode(args); err != nil {
		return err
	}
	if code := C.door_exec(s.stmt, (*C.uint8_t)(unsafe.SliceData(c.values)), C.int(len(args))); code != done {
		return c.fail(code)
	}
	return nil
}

// Query runs one statement and yields its rows, or at last an error, with a nil
// row. Arguments and errors are those of Exec. Other statements may run between two
// rows, and so may the same one.
func (c *Conn) Query(sql string, args ...any) iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		if err := c.query(sql, args, func(row *Row) bool { return yield(row, nil) }); err != nil {
			yield(nil, err)
		}
	}
}

// query passes rows to each until that returns false.
func (c *Conn) query(sql string, args []any, each func(*Row) bool) error {
	s, err := c.take(sql)
	if err != nil {
		return err
	}
	defer c.put(s)
	if err := c.encode(args); err != nil {
		return err
	}
	row := Row{unsafe.Slice(s.cells, s.columns)}
	defer func() { row.cells = nil }()
	code := C.door_start(s.stmt, (*C.uint8_t)(unsafe.SliceData(c.values)), C.int(len(args)), s.cells, s.columns)
	for ; code == rowReady; code = C.door_step(s.stmt, s.cells, s.columns) {
		s.started = true
		if !each(&row) {
			return nil
		}
		if err := c.ready(); err != nil {
			return err
		}
	}
	s.started = false
	if code != done {
		return c.fail(code)
	}
	return nil
}

// Int64 is the first column of the first row, and 0 where there is none.
func (c *Conn) Int64(sql string, args ...any) (int64, error) {
	var value int64
	err := c.query(sql, args, func(row *Row) bool { value = row.Int64(0); return false })
	return value, err
}

// ready reports why no statement can run.
func (c *Conn) ready() error {
	switch {
	case c.door == nil:
		return ErrClosed
	case c.ctx.Err() != nil:
		return context.Cause(c.ctx)
	}
	return nil
}

// take returns a compiled statement that is not in use, for put.
func (c *Conn) take(sql string) (*statement, error) {
	if err := c.ready(); err != nil {
		return nil, err
	}
	s := c.cache[sql]
	if s != nil && !s.running {
		s.running = true
		return s, nil
	}
	cacheable := s == nil && !strings.HasPrefix(sql, "PRAGMA") // some pragmas act when they are compiled
	s, err := c.prepare(sql)
	if err == nil && cacheable {
		c.evict()
		s.cached = true
		c.cache[sql] = s
	}
	return s, err
}

// evict makes room in the cache for one statement, if it is full.
func (c *Conn) evict() {
	if len(c.cache) < cacheSize {
		return
	}
	for sql, s := range c.cache {
		if !s.running {
			s.finalize()
			delete(c.cache, sql)
			return
		}
	}
}

func (c *Conn) prepare(sql string) (*statement, error) {
	if len(sql) > math.MaxInt32 {
		return nil, &Error{Code: TooBig, Message: "statement too long"}
	}
	var rest C.int
	s := &statement{running: true}
	if code := C.door_prepare(c.door, (*C.char)(unsafe.Pointer(unsafe.StringData(sql))), C.int(len(sql)), &s.stmt, &rest); code != 0 {
		return nil, c.fail(code)
	}
	if s.stmt == nil || strings.TrimSpace(sql[len(sql)-int(rest):]) != "" {
		s.finalize()
		return nil, &Error{Code: Misuse, Message: "not one statement: " + sql}
	}
	s.columns = C.sqlite3_column_count(s.stmt)
	s.cells = (*C.cell)(C.calloc(C.size_t(s.columns)+1, C.sizeof_cell)) // calloc of cgo never returns nil
	return s, nil
}

// put ends the use of a statement.
func (c *Conn) put(s *statement) {
	if s.started {
		C.door_reset(s.stmt)
		s.started = false
	}
	s.running = false
	if !s.cached || c.door == nil {
		s.finalize()
	}
}

func (s *statement) finalize() {
	C.sqlite3_finalize(s.stmt)
	C.free(unsafe.Pointer(s.cells))
	s.stmt, s.cells = nil, nil
}

// encode writes args into c.values as door_start reads them.
func (c *Conn) encode(args []any) error {
	c.values = c.values[:0]
	if cap(c.values) > 1<<20 { // a rare large text is not kept
		c.values = nil
	}
	for i, arg := range args {
		switch v := arg.(type) {
		case nil:
			c.encodeNumber(Null, 0)
		case bool:
			var n uint64
			if v {
				n = 1
			}
			c.encodeNumber(Integer, n)
		case int:
			c.encodeNumber(Integer, uint64(v))
		case int64:
			c.encodeNumber(Integer, uint64(v))
		case uint32:
			c.encodeNumber(Integer, uint64(v))
		case float64:
			c.encodeNumber(Float, math.Float64bits(v))
		case string:
			c.encodeNumber(Text, uint64(len(v)))
			c.values = append(c.values, v...)
		case []byte:
			c.encodeNumber(Blob, uint64(len(v)))
			c.values = append(c.values, v...)
		default:
			return &Error{Code: Misuse, Message: fmt.Sprintf("argument %d has a type that is not supported", i+1)}
		}
	}
	return nil
}

func (c *Conn) encodeNumber(t Type, bits uint64) {
	c.values = binary.NativeEndian.AppendUint64(append(c.values, byte(t)), bits)
}
