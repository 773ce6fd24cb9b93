package pickle

import (
	"errors"
	"fmt"
)

// The limits of a stack.
const (
	maxStack = 1 << 20
	maxMarks = 1 << 16
)

var errUnderflow = errors.New("a value is taken from an empty stack")

// stack is the stack of the machine. No value below the last mark can be taken.
type stack struct {
	values []Value
	marks  []int // lengths of values when MARK was executed
}

func (s *stack) push(v Value) error {
	if len(s.values) == maxStack {
		return fmt.Errorf("more than %d values at once", maxStack)
	}
	s.values = append(s.values, v)
	return nil
}

func (s *stack) mark() error {
	if len(s.marks) == maxMarks {
		return fmt.Errorf("more than %d marks", maxMarks)
	}
	s.marks = append(s.marks, len(s.values))
	return nil
}

// floor returns the length of the part that cannot be taken.
func (s *stack) floor() int {
	if len(s.marks) == 0 {
		return 0
	}
	return s.marks[len(s.marks)-1]
}

func (s *stack) top() (Value, error) {
	if len(s.values) <= s.floor() {
		return nil, errUnderflow
	}
	return s.values[len(s.values)-1], nil
}

// drop executes POP, which also takes a mark.
func (s *stack) drop() error {
	if n := len(s.marks); n > 0 && s.marks[n-1] == len(s.values) {
		s.marks = s.marks[:n-1]
		return nil
	}
	_, err := s.popN(1)
	return err
}

// popMark takes the last mark and the values above it, which are valid until the
// next push.
func (s *stack) popMark() ([]Value, error) {
	if len(s.marks) == 0 {
		return nil, errors.New("there is no mark")
	}
	at := s.floor()
	s.marks = s.marks[:len(s.marks)-1]
	return s.cut(at), nil
}

// popN takes n values, which are valid until the next push.
func (s *stack) popN(n int) ([]Value, error) {
	at := len(s.values) - n
	if at < s.floor() {
		return nil, errUnderflow
	}
	return s.cut(at), nil
}

func (s *stack) cut(at int) []Value {
	items := s.values[at:]
	s.values = s.values[:at]
	return items
}
