package crash_test

import (
	"errors"
	"strings"
	"testing"

	"sheaf/internal/crash"
	"sheaf/internal/hint"
)

func TestGo(t *testing.T) {
	t.Parallel()
	failed := errors.New("failed")
	var empty []int
	for _, test := range []struct {
		name string
		run  func() error
		want string
	}{
		{"no panic", func() error { return failed }, "failed"},
		{"a panic", func() error { panic("odd") }, "internal error: odd"},
		{"a fault", func() error { return errors.New(string(rune(empty[3]))) }, "internal error: runtime error: index out of range [3] with length 0"},
	} {
		err := <-crash.Go(test.run)
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
		if got := hint.Of(err); err != failed && (!strings.Contains(got, "TestGo") || !strings.Contains(got, "crash_test.go:") || strings.Contains(got, "\n")) {
			t.Errorf("%s: hint %q", test.name, got)
		}
	}
}
