package splitter

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestPython compares with Python's re, see testdata/record_re.py.
func TestPython(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("testdata", "python_re.json"))
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct {
		Texts   []string
		Split   [][2]any // pattern, and for each text what re.split gives
		Refused [][2]string
	}
	if err := json.Unmarshal(data, &recorded); err != nil {
		t.Fatal(err)
	}
	if len(recorded.Split) == 0 || len(recorded.Refused) == 0 {
		t.Fatal("nothing is recorded")
	}
	for _, c := range recorded.Split {
		source := c[0].(string)
		p, err := compile(source)
		if err != nil {
			t.Errorf("%q: %v", source, err)
			continue
		}
		for i, want := range c[1].([]any) {
			got := splitTexts(t, p, recorded.Texts[i])
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%q splits %q (-want +got):\n%s", source, recorded.Texts[i], diff)
			}
		}
	}
	for _, c := range recorded.Refused {
		if _, err := compile(c[0]); err == nil {
			t.Errorf("%q is accepted, Python says %s", c[0], c[1])
		}
	}
}

// splitTexts are the parts as Python gives them; nil for a group without part.
func splitTexts(t *testing.T, p *pattern, text string) any {
	t.Helper()
	parts, err := p.split(text)
	if err != nil {
		t.Fatal(err)
	}
	texts := []any{}
	for _, s := range parts {
		if s.found() {
			texts = append(texts, text[s.lo:s.hi])
		} else {
			texts = append(texts, nil)
		}
	}
	return texts
}

// TestRefusals shows that the message says what is wrong.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"(":           "missing ), unterminated subpattern",
		"a)":          "unbalanced parenthesis at position 1",
		"[a":          "unterminated character set",
		"[b-a]":       "bad character range",
		"*":           "nothing to repeat",
		"a**":         "multiple repeat",
		"a{3,2}":      "min repeat greater than max repeat",
		`\q`:          `bad escape \q`,
		`\x4`:         "2 hexadecimal digits",
		`\1`:          "invalid group reference 1",
		`(a\1)`:       "cannot refer to an open group",
		"(?P=n)":      `unknown group name "n"`,
		"(?P<1>a)":    `bad character in group name "1"`,
		"(?(1)a|b)":   "invalid group reference 1",
		"(?(n)a)":     `unknown group "n"`,
		"(?#a":        "unterminated comment",
		"a(?i)b":      "global flags not at the start",
		"(?L)a":       "cannot use flag L",
		"(?z:a)":      "unknown flag 'z'",
		"(?-a:b)":     "cannot turn off flag 'a'",
		"(?i-i:a)":    "turned on and off",
		"(?au:a)":     "incompatible",
		"(?<name>a)":  "unknown extension",
		`\400`:        "octal escape",
		`\U00110000`:  "8 hexadecimal digits",
		`\N{DIGIT 1}`: `write \u or \U`,
	} {
		_, err := compile(source)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", source, err, want)
		}
	}
}

// TestCatastrophic stops an expression that would take years.
func TestCatastrophic(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{Character, Recursive} {
		s, err := New(Options{Kind: kind, Separators: []string{"(a+)+$"}, Regex: true, Keep: KeepNone, ChunkSize: 10})
		if err != nil {
			t.Fatal(err)
		}
		s.separators[0].pattern.limit(time.Millisecond)
		_, err = s.Split(strings.Repeat("a", 200) + "!")
		if err == nil || !strings.Contains(err.Error(), `separator "(a+)+$": matching took longer than 1ms`) {
			t.Errorf("%s: error %v", kind, err)
		}
		if err != nil && strings.Contains(err.Error(), "aaaa") {
			t.Errorf("%s: the error repeats the text: %v", kind, err)
		}
		for range maxTimeouts {
			_, err = s.Split(strings.Repeat("a", 200) + "!")
		}
		if err == nil || !strings.Contains(err.Error(), "not tried, for it took too long on 3 texts") {
			t.Errorf("%s: after %d texts: %v", kind, maxTimeouts+1, err)
		}
	}
}

// TestPatternDifferences holds what differs from Python on purpose.
func TestPatternDifferences(t *testing.T) {
	t.Parallel()
	_, err := compile(`\N{DIGIT ONE}`)
	if err == nil || !strings.Contains(err.Error(), `write \u or \U`) {
		t.Errorf(`\N: %v`, err)
	}
	if _, err := compile(`\ud800`); err == nil {
		t.Error("half a surrogate pair, which no Go text holds, is accepted")
	}
	p, err := compile(`(?<=a+)b`)
	if err != nil {
		t.Fatalf("lookbehind of varying width: %v", err)
	}
	if found, err := p.matches("xaab"); !found || err != nil {
		t.Errorf("lookbehind of varying width: %v, %v", found, err)
	}
}
