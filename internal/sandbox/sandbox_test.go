package sandbox_test

import (
	"bytes"
	"testing"

	"sheaf/internal/sandbox"
)

// TestUsage checks that malformed arguments are refused before any limit is set.
func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"1"}, {"a", "1"}, {"1", "b"}, {"-1", "1"}, {"1", "-1"}, {"1", "2", "3"}} {
		var out bytes.Buffer
		if code := sandbox.Main(args, &out); code != 2 || out.Len() > 0 {
			t.Errorf("%q: exit code %d, output %q", args, code, &out)
		}
	}
}
