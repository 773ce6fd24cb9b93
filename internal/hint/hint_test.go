package hint_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"sheaf/internal/hint"
)

func TestOf(t *testing.T) {
	t.Parallel()
	inner := hint.With(io.ErrUnexpectedEOF, "read it %s", "again")
	tests := []struct {
		err  error
		want string
	}{
		{nil, ""},
		{io.EOF, ""},
		{inner, "read it again"},
		{fmt.Errorf("reading: %w", inner), "read it again"},
		{hint.With(inner, "give up"), "give up"},
		{errors.Join(io.EOF, inner), "read it again"},
	}
	for _, test := range tests {
		if got := hint.Of(test.err); got != test.want {
			t.Errorf("%v: hint %q, want %q", test.err, got, test.want)
		}
	}
}

func TestWithKeepsTheError(t *testing.T) {
	t.Parallel()
	err := hint.With(io.EOF, "100%%")
	if err.Error() != io.EOF.Error() || !errors.Is(err, io.EOF) {
		t.Errorf("%v is not %v", err, io.EOF)
	}
}
