package metadata

import (
	"encoding/json"
	"testing"
)

func FuzzUnquote(f *testing.F) {
	for _, s := range []string{
		`""`, `"plain"`, `"a\nb\t\"q\"\\ \/ \b\f\r"`, `"\u00e9\uD83D\ude42"`, `"é\u20AC"`, `"\ud83d"`, `"\ud83dx\u0041"`, `"\ude42\ud83d\ud83d\ude42"`,
		"\"\xff\\n\"", `"\ud83d\n"`, `"\u0000\uFfFd"`, `"end\\"`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, quoted []byte) {
		var want string
		if len(quoted) == 0 || quoted[0] != '"' || quoted[len(quoted)-1] != '"' || json.Unmarshal(quoted, &want) != nil {
			return
		}
		got := Unquote(quoted)
		if plain := string(quoted[1 : len(quoted)-1]); got == plain {
			return // without escapes a string is what it is, bytes that are not UTF-8 too
		}
		if got != want {
			t.Errorf("%s: %q, want %q", quoted, got, want)
		}
	})
}
