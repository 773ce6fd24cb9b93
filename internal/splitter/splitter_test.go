package splitter

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mustSplit(t *testing.T, o Options, text string) Result {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Split(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func texts(chunks []Chunk) (texts []string) {
	for _, c := range chunks {
		texts = append(texts, c.Text)
	}
	return texts
}

func TestNewErrors(t *testing.T) {
	t.Parallel()
	good := Options{Kind: Character, ChunkSize: 10}
	for want, change := range map[string]func(*Options){
		`unknown splitter "lines": choose character, recursive, markdown or none`: func(o *Options) { o.Kind = "lines" },
		`unknown splitter ""`:                                func(o *Options) { o.Kind = "" },
		"chunk size must be above 0, not 0":                  func(o *Options) { o.ChunkSize = 0 },
		"chunk size must be above 0, not -5":                 func(o *Options) { o.ChunkSize = -5 },
		"chunk overlap must be 0 or more, not -1":            func(o *Options) { o.ChunkOverlap = -1 },
		"chunk overlap 11 is larger than chunk size 10":      func(o *Options) { o.ChunkOverlap = 11 },
		`cannot keep the separator at "middle"`:              func(o *Options) { o.Keep = "middle" },
		"takes one separator, not 2":                         func(o *Options) { o.Separators = []string{"a", "b"} },
		`language "go" goes with the recursive splitter`:     func(o *Options) { o.Language = "go" },
		`unknown language "perl": choose one of c, cobol, c`: func(o *Options) { o.Kind, o.Language = Recursive, "perl" },
		"brings its own separators": func(o *Options) {
			o.Kind, o.Language, o.Separators = Recursive, "go", []string{" "}
		},
		`separator "(": `:  func(o *Options) { o.Regex, o.Separators = true, []string{"("} },
		`separator "[a": `: func(o *Options) { o.Kind, o.Regex, o.Separators = Recursive, true, []string{" ", "[a"} },
		`separator "(?(1)a|b)": invalid group reference 1`: func(o *Options) {
			o.Kind, o.Regex, o.Separators = Recursive, true, []string{"(?(1)a|b)"}
		},
	} {
		o := good
		change(&o)
		_, err := New(o)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one with %q", o, err, want)
		}
	}
	if _, err := New(good); err != nil {
		t.Errorf("%+v: %v", good, err)
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	text := "one two\n\nthree\n\nfour"
	for _, c := range []struct {
		opts Options
		want []string
	}{
		{Options{Kind: Character, ChunkSize: 8}, []string{"one two", "three", "four"}},
		{Options{Kind: Recursive, ChunkSize: 6}, []string{"one", "two", "three", "four"}},
		{Options{Kind: Markdown, ChunkSize: 15}, []string{"one two", "three  \nfour"}},
		{Options{Kind: None}, []string{text}},
	} {
		if diff := cmp.Diff(c.want, texts(mustSplit(t, c.opts, text).Chunks)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c.opts, diff)
		}
	}
}

func TestNoText(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{Character, Recursive, Markdown, None} {
		if r := mustSplit(t, Options{Kind: kind, ChunkSize: 1}, ""); len(r.Chunks) != 0 {
			t.Errorf("%s: %+v", kind, r.Chunks)
		}
	}
}

func TestNoneIsWhole(t *testing.T) {
	t.Parallel()
	text := " a\n\nb \n"
	want := Result{Chunks: []Chunk{{Text: text, StartIndex: 0, StartLine: 1, EndLine: 3}}}
	if diff := cmp.Diff(want, mustSplit(t, Options{Kind: None, ChunkSize: 1, ChunkOverlap: 9}, text)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOptionsAsJSON(t *testing.T) {
	t.Parallel()
	o := Options{
		Kind: Recursive, Separators: []string{"\n", ""}, Regex: true, Keep: KeepEnd, NoStrip: true,
		ChunkSize: 10, ChunkOverlap: 2,
	}
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"kind":"recursive","separators":["\n",""],"regex":true,"keep":"end","no_strip":true,"chunk_size":10,"chunk_overlap":2}`
	if string(data) != want {
		t.Errorf("written as %s, want %s", data, want)
	}
	var back Options
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(o, back); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}

// TestUnpairedGroups covers LangChain's IndexError and TypeError.
func TestUnpairedGroups(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sep  string
		keep Keep
		text string
	}{
		{"(,|;)", KeepStart, "a,b;c,d"}, {"-(-)?", KeepStart, "a-b"}, {"-(-)?", KeepEnd, "a-b-c"},
	} {
		s, err := New(Options{Kind: Character, Separators: []string{c.sep}, Regex: true, Keep: c.keep, ChunkSize: 5})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Split(c.text)
		if err == nil || !strings.Contains(err.Error(), "capture groups leave pieces without a partner: write (?:…)") {
			t.Errorf("%q kept at %s: error %v", c.sep, c.keep, err)
		}
	}
}

func TestSplitStopsAtEmitError(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	for _, sep := range []string{"", ",", "[,]", "([,])"} {
		for _, keep := range []Keep{KeepNone, KeepStart, KeepEnd} {
			s, err := newSeparator(sep, Options{Kind: Recursive, Regex: true, Keep: keep})
			if err != nil {
				t.Fatal(err)
			}
			if sep == "([,])" && keep == KeepStart {
				continue // cannot be paired, tested above
			}
			calls := 0
			err = s.split("a,b", keep, func(piece) error { calls++; return stop })
			if !errors.Is(err, stop) || calls != 1 {
				t.Errorf("%q kept at %s: error %v after %d calls", sep, keep, err, calls)
			}
		}
	}
}

func TestLanguages(t *testing.T) {
	t.Parallel()
	names := Languages()
	if !slices.IsSorted(names) || !slices.Contains(names, "go") || !slices.Contains(names, "visualbasic6") {
		t.Errorf("languages %q", names)
	}
	for _, name := range names {
		if _, err := New(Options{Kind: Recursive, Language: name, ChunkSize: 10}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnescape(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "a b": "a b", `\n\n`: "\n\n", `a\tb\r\n`: "a\tb\r\n", `\\n`: `\n`, `\\`: `\`, "é\n": "é\n",
	} {
		if got, err := Unescape(in); got != want || err != nil {
			t.Errorf("Unescape(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	for in, want := range map[string]string{`\x`: `unknown escape \x`, `a\é`: `unknown escape \é`, `a\`: `lone \ at the end`} {
		if got, err := Unescape(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Unescape(%q) = %q, %v, want an error with %q", in, got, err, want)
		}
	}
}
