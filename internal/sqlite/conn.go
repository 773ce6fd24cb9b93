// Package sqlite is a connection to an SQLite database: statements with values,
// rows, and errors, nothing else. The library is the C amalgamation that
// github.com/mattn/go-sqlite3 ships and compiles; its database/sql driver is not
// used, since one call into C runs a whole statement or fetches a whole row.
//
// A database is taken for a stranger's: the schema is not trusted to call
// functions with side effects, cells are checked as pages are read, and neither
// extensions nor other databases can be loaded.
package sqlite

/*
#cgo CFLAGS: -O2
#cgo darwin LDFLAGS: -Wl,-undefined,dynamic_lookup
#include <stdlib.h>
#include "door.h"
#cgo noescape door_start
#cgo noescape door_exec
#cgo nocallback door_start
#cgo nocallback door_step
#cgo nocallback door_exec
#cgo nocallback door_reset
*/
import "C"

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"time"
	"unsafe"

	_ "github.com/mattn/go-sqlite3" // the library in C
)

// Mode is what a connection may do to its database.
type Mode int

// The modes. The values are SQLite's flags.
const (
	ReadOnly  Mode = 0x1
	ReadWrite Mode = 0x2
	Create    Mode = 0x2 | 0x4 // ReadWrite, of a file that is made where there is none
)

// noMutex is SQLITE_OPEN_NOMUTEX: a Conn is used by one goroutine at a time.
const noMutex = 0x8000

// Conn is a connection. It must be used by one goroutine at a time.
type Conn struct {
	door    *C.door // nil once closed
	cache   map[string]*statement
	values  []byte // of the statement that starts, encoded for C
	ctx     context.Context
	release func() bool // of ctx

	mu sync.Mutex // held to set door.stop, which another goroutine does
}

// Open opens the database at path. The path "" is a temporary file without a
// name, ":memory:" a database in memory.
func Open(path string, mode Mode) (*Conn, error) {
	if strings.ContainsRune(path, 0) {
		return nil, &Error{Code: CantOpen, Message: "the path has a NUL byte"}
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	c := &Conn{cache: map[string]*statement{}, ctx: context.Background()}
	code := C.door_open(name, C.int(mode)|noMutex, &c.door)
	if code == 0 {
		return c, nil
	}
	err := c.fail(code)
	return nil, errors.Join(err, c.Close())
}

// Close closes the connection; an open transaction is rolled back. A second call
// does nothing. A query that is being read ends with ErrClosed.
func (c *Conn) Close() error {
	c.SetContext(context.Background())
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.door == nil {
		return nil
	}
	for _, s := range c.cache {
		if !s.running {
			s.finalize()
		}
	}
	C.door_close(c.door)
	c.door, c.cache = nil, nil
	return nil
}

// SetContext makes statements end with the cause of ctx once it is done, even
// when they run or wait for a lock, until the next call.
func (c *Conn) SetContext(ctx context.Context) {
	if c.release != nil {
		c.release()
		c.release = nil
	}
	c.mu.Lock()
	c.ctx = ctx
	if c.door != nil {
		C.door_stop(c.door, 0)
	}
	c.mu.Unlock()
	if ctx.Done() != nil {
		c.release = context.AfterFunc(ctx, func() { c.interrupt(ctx) })
	}
}

// interrupt ends what runs in ctx.
func (c *Conn) interrupt(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.door != nil && c.ctx == ctx {
		C.door_stop(c.door, 1)
	}
}

// SetBusyTimeout is how long a statement waits for the lock of another
// connection before it fails with Busy.
func (c *Conn) SetBusyTimeout(d time.Duration) {
	if c.door != nil {
		c.door.wait_ms = C.int(min(max(0, d.Milliseconds()), math.MaxInt32))
	}
}

// InTransaction reports whether a transaction is open. An error may have ended it.
func (c *Conn) InTransaction() bool {
	return c.door != nil && C.sqlite3_get_autocommit(c.door.db) == 0
}

// Changes is how many rows the last INSERT, UPDATE or DELETE changed.
func (c *Conn) Changes() int {
	if c.door == nil {
		return 0
	}
	return int(C.sqlite3_changes(c.door.db))
}

// LastInsertID is the rowid of the last row that was inserted.
func (c *Conn) LastInsertID() int64 {
	if c.door == nil {
		return 0
	}
	return int64(C.sqlite3_last_insert_rowid(c.door.db))
}
