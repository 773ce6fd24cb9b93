package main

import (
	"strings"
	"testing"
)

func TestDraw(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := draw(strings.NewReader("\x1b[1m1\x1b[0m  a < b\n  plain\n\n"), &b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`height="70"`, `<text x="16" y="30"><tspan class="b">1</tspan>  a &lt; b</text>`, `<text x="16" y="49">  plain</text>`,
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s is not in\n%s", want, &b)
		}
	}
}
