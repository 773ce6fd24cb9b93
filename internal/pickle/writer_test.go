package pickle_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"sheaf/internal/pickle"
)

// rewritten writes a JSON value as a pickle and reads it back.
func rewritten(raw string) (string, error) {
	var b bytes.Buffer
	w := pickle.NewWriter(&b)
	if err := w.JSON(json.RawMessage(raw)); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	v, err := load(b.String())
	if err != nil {
		return "", err
	}
	out, _, err := pickle.AppendJSON(nil, v)
	return string(out), err
}

func TestJSONRoundTrip(t *testing.T) {
	t.Parallel()
	var wide []string // more keys than the memo takes, twice each
	for i := range 5000 {
		key := fmt.Sprintf("key-%d%s", i, strings.Repeat("x", i%2*(250+i%10)))
		wide = append(wide, fmt.Sprintf(`"%s":[{"%s":%d}]`, key, key, i))
	}
	for _, raw := range []string{
		"null", "true", "false", `"text"`, `""`, `"é\u0000\"\\"`, "0", "255", "256", "-1", "2147483648", "-2147483649", "9223372036854775807",
		"-9223372036854775808", "9223372036854775808", "-32769", "-128", strings.Repeat("9", 4300), "-1" + strings.Repeat("0", 1000), "1.0", "-0.0", "1e+300", "5e-324",
		"[]", "{}", `[1,[2,[3,{}]],{"a":{"a":"a"}}]`, `[{"a":1},{"a":2},{"a":3}]`, "{" + strings.Join(wide, ",") + "}",
		"[" + strings.Repeat("1,", 1000) + "1]", "[" + strings.Repeat("1,", 999) + "1]", `{"` + strings.Repeat("long", 100) + `":1}`,
		`"` + strings.Repeat("x", 255) + `"`, `"` + strings.Repeat("x", 256) + `"`, "-" + strings.Repeat("9", 4299), "12" + strings.Repeat("0", 615), "-12" + strings.Repeat("0", 615),
	} {
		if got, err := rewritten(raw); err != nil || got != raw {
			t.Errorf("%.80s: %.80s, %v", raw, got, err)
		}
	}
}

func TestJSONRefuses(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "{", "[1", "nope", strings.Repeat("9", 4301), "[" + strings.Repeat("9", 4301) + "]", `{"a":}`} {
		if err := pickle.NewWriter(io.Discard).JSON([]byte(raw)); err == nil {
			t.Errorf("%.80q is written", raw)
		}
		if got, err := rewritten(raw); err == nil {
			t.Errorf("%.80q: %.80s, want an error", raw, got)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteError(t *testing.T) {
	t.Parallel()
	w := pickle.NewWriter(full{})
	w.Text("text")
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("%v", err)
	}
}

// FuzzJSON: what is written is what is read.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5,null,"x",true,{"a":-1}]}`, "1e400", "[[[[]]]]", `"\ud800"`, `{"a":1,"a":2}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		once, err := rewritten(raw)
		if err != nil {
			return
		}
		if twice, err := rewritten(once); err != nil || twice != once {
			t.Errorf("%q, then %q, %v", once, twice, err)
		}
	})
}
