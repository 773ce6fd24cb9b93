package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestToReach(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	b := &bench{out: &out}
	b.reached()
	if out.Len() > 0 {
		t.Errorf("a table of nothing: %s", out.String())
	}
	b.atLeast("speed", 2.29, 2.3, "")
	b.atLeast("speed", 2.3, 2.3, "")
	b.atMost("time", 516, 600, " ms")
	b.atMost("time", 601, 600, " ms")
	b.reached()
	for _, want := range []string{
		"| speed | 2.29 | at least 2.3 | 1.00, missed |", "| speed | 2.30 | at least 2.3 | 1.00, reached |",
		"| time | 516.00 ms | at most 600 ms | 0.86, reached |", "| time | 601.00 ms | at most 600 ms | 1.00, missed |",
	} {
		if !strings.Contains(out.String(), want+"\n") {
			t.Errorf("no line %s in\n%s", want, out.String())
		}
	}
}

func TestRepeated(t *testing.T) {
	t.Parallel()
	n := 0
	s, err := repeated(repeats("builtin:1"), func(context.Context) error { n++; return nil })(t.Context())
	if err != nil || n != repeats("builtin") || n < 2 || s.Wall < 0 || s.Wall > time.Hour {
		t.Errorf("%d times, %v, %v", n, s.Wall, err)
	}
	broken := errors.New("broken")
	if _, err := repeated(3, func(context.Context) error { n++; return broken })(t.Context()); !errors.Is(err, broken) || n != repeats("builtin")+1 {
		t.Errorf("%d times, %v", n, err)
	}
	if repeats("minilm") != 1 {
		t.Error("a transformer is asked more than once")
	}
}
