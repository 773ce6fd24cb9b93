// Package crash turns a panic into an error, so that a fault of the program or of
// a library ends a run as any other error does. Every goroutine that handles input
// defers [Catch].
package crash

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

// Error is a panic.
type Error struct {
	Value any    // of the panic
	Place string // the functions that were running, the innermost first, on one line
}

func (e *Error) Error() string { return fmt.Sprintf("internal error: %v", e.Value) }

// Hint says what to do about it.
func (e *Error) Hint() string {
	return "this is a fault of sheaf: report it with the command, what sheaf version says, and this: " + e.Place
}

// Catch sets *err to an *Error where the function that defers it panics.
func Catch(err *error) {
	if value := recover(); value != nil {
		*err = &Error{value, place()}
	}
}

// Go runs f in a goroutine of its own. The channel receives what f returns, or its panic
// as an *Error; it need not be read.
func Go(f func() error) <-chan error {
	result := make(chan error, 1)
	go func() { result <- caught(f) }()
	return result
}

func caught(f func() error) (err error) {
	defer Catch(&err)
	return f()
}

// frames is how many functions a place names.
const frames = 6

// place returns the functions that called panic, from within a deferred function.
func place() string {
	callers := make([]uintptr, 64)
	rest := runtime.CallersFrames(callers[:runtime.Callers(3, callers)])
	var names []string
	for more := true; more && len(names) < frames; {
		var f runtime.Frame
		if f, more = rest.Next(); !strings.HasPrefix(f.Function, "runtime.") {
			names = append(names, fmt.Sprintf("%s (%s:%d)", path.Base(f.Function), path.Base(f.File), f.Line))
		}
	}
	return strings.Join(names, ", ")
}
