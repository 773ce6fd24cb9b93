package ingest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/splitter"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"a.txt":   "one\n\ntwo\n",
		"b.jsonl": `{"text": "three", "tag": 1}` + "\n" + "{\n" + `{"text": "four"}` + "\n",
		"c.bin":   "\x00\x01\x02",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var got, failed, notices []string
	o := Options{
		Roots:    []string{filepath.Join(dir, "nosuch"), dir},
		Splitter: &splitter.Options{Kind: splitter.Character, ChunkSize: 3},
		Notice:   func(text string) { notices = append(notices, text) },
	}
	for d, err := range Split(t.Context(), o) {
		var input *InputError
		switch {
		case errors.As(err, &input):
			failed = append(failed, filepath.Base(input.Source))
		case err != nil:
			t.Fatal(err)
		default:
			got = append(got, filepath.Base(d.Source)+" "+d.Text)
		}
	}
	if diff := cmp.Diff([]string{"a.txt one", "a.txt two", "b.jsonl three", "b.jsonl four"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"nosuch", "b.jsonl"}, failed); diff != "" {
		t.Error(diff)
	}
	if len(notices) != 1 || !strings.Contains(notices[0], "c.bin") {
		t.Errorf("notices %q, want one about the binary file", notices)
	}
}

func TestSplitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	var last error
	for _, err := range Split(ctx, Options{Roots: []string{t.TempDir()}}) {
		last = err
	}
	if !errors.Is(last, why) {
		t.Errorf("%v, want %v", last, why)
	}
}

func TestInputErrorKeepsItsCause(t *testing.T) {
	t.Parallel()
	err := error(&InputError{Source: "a.txt", Err: fs.ErrNotExist})
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "a.txt: ") {
		t.Errorf("%v", err)
	}
}

// A text that cannot be split has no line, and its error names none; a record has one.
func TestSplitErrorLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("a.txt", "a,b")
	write("b.jsonl", "\n"+`{"text": "a,b"}`)
	o := Options{Roots: []string{dir}, Splitter: &splitter.Options{
		Kind: splitter.Character, Separators: []string{"(,|;)"}, Regex: true, Keep: splitter.KeepStart, ChunkSize: 9,
	}}
	var got []string
	for _, err := range Split(t.Context(), o) {
		var input *InputError
		if errors.As(err, &input) {
			got = append(got, filepath.Base(input.Source)+" "+input.Err.Error()[:9])
		}
	}
	if diff := cmp.Diff([]string{"a.txt separator", "b.jsonl line 2: s"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
