package rerank_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"sheaf/internal/embed"
	"sheaf/internal/program"
	"sheaf/internal/rerank"
)

func TestCommand(t *testing.T) {
	t.Parallel()
	const script = `command:while read -r line; do case $line in *bad*) echo '{"error": "no such words"}';; *) echo '{"scores": [0.5, -1e3], "seconds": 1}';; esac; done`
	j := newJudge(t, script, embed.Options{})
	for range 2 {
		got, err := j.Judge(t.Context(), []rerank.Question{
			{Query: "a", Texts: []string{"b", "c\n"}}, {Query: "nothing"}, {Query: "bad", Texts: []string{"b"}}, {Query: "a", Texts: []string{"b", "c"}},
		})
		want := "[{[0.5 -1000] <nil>} {[] <nil>} {[] no such words} {[0.5 -1000] <nil>}]"
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%v, %v, want %s", got, err, want)
		}
	}
	if got, err := newJudge(t, "command:exit 1", embed.Options{}).Judge(t.Context(), []rerank.Question{{Query: "a"}}); err != nil || len(got) != 1 {
		t.Errorf("nothing to judge: %v, %v", got, err)
	}
}

func TestCommandFails(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		`read l; echo '{"scores": [1]}'; read l`:        "1 scores for 2 texts",
		`read l; echo '{"scores": [1, null]}'; read l`:  "an answer without numbers in \"scores\"",
		`read l; echo '{"scores": [1, "2"]}'; read l`:   "an answer without numbers in \"scores\"",
		`read l; echo '{"relevance": [1, 2]}'; read l`:  "an answer without numbers in \"scores\"",
		`echo Loading; read l`:                          `a line that is no answer: "Loading"`,
		`echo 'out of memory' >&2; exit 7`:              "it ended with exit status 7: out of memory",
		`read l; echo '{"scores": [1, 1e999]}'; read l`: "an answer without numbers in \"scores\"",
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			j := newJudge(t, "command:"+script, embed.Options{})
			for range 2 { // and it stays so
				_, err := j.Judge(t.Context(), []rerank.Question{{Query: "a", Texts: []string{"b", "c"}}})
				var failed *program.Error
				if !errors.As(err, &failed) || !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q", err, want)
				}
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newJudge(t, "command:cat", embed.Options{}).Judge(ctx, []rerank.Question{{Query: "a", Texts: []string{"b"}}}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	for _, name := range []string{"command", "command:", "command: "} {
		if _, err := rerank.New(name, rerank.Options{}); err == nil || !strings.Contains(err.Error(), "want command:PROGRAM") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
