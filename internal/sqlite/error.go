package sqlite

/*
#include "door.h"
*/
import "C"

import (
	"context"
	"errors"
)

// Code is an extended result code: https://sqlite.org/rescode.html.
type Code int

// The codes that callers look at.
const (
	Busy       Code = 5
	Locked     Code = 6
	ReadOnlyDB Code = 8
	Interrupt  Code = 9
	IOErr      Code = 10
	Corrupt    Code = 11
	Full       Code = 13
	CantOpen   Code = 14
	TooBig     Code = 18
	Misuse     Code = 21
	Perm       Code = 3
	NotADB     Code = 26

	ReadOnlyRollback Code = ReadOnlyDB | 3<<8 // a hot journal, and no right to roll it back
	ReadOnlyCantInit Code = ReadOnlyDB | 5<<8
)

// Primary is the code without its extension.
func (c Code) Primary() Code { return c & 0xff }

// Error is what SQLite reports.
type Error struct {
	Code    Code
	Message string
}

func (e *Error) Error() string { return e.Message }

// ErrClosed says that a connection was used after Close.
var ErrClosed = errors.New("connection is closed")

// CodeOf is the code of the *Error in err's chain, and 0 where there is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// fail makes an error of a result code of C: the cause of the context where that
// ended the statement.
func (c *Conn) fail(code C.int) error {
	e := &Error{Code: Code(code), Message: C.GoString(C.sqlite3_errstr(code))}
	if p := e.Code.Primary(); c.ctx.Err() != nil && (p == Interrupt || p == Busy) {
		return context.Cause(c.ctx)
	}
	if c.door == nil || C.sqlite3_extended_errcode(c.door.db) != code {
		return e // the connection's message is another error's
	}
	if detail := C.GoString(C.sqlite3_errmsg(c.door.db)); detail != e.Message {
		e.Message += ": " + detail
	}
	return e
}
