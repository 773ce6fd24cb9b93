package ingest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
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
	var got, failed []string
	var report Report
	o := Options{
		Roots:    []string{filepath.Join(dir, "nosuch"), dir},
		Splitter: &splitter.Options{Kind: splitter.Character, ChunkSize: 3},
	}
	for d, err := range Split(t.Context(), o, &report) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, filepath.Base(d.Source)+" "+d.Text)
	}
	for _, f := range report.Failures {
		failed = append(failed, filepath.Base(f.Source))
	}
	if diff := cmp.Diff([]string{"a.txt one", "a.txt two", "b.jsonl three", "b.jsonl four"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"nosuch", "b.jsonl"}, failed); diff != "" {
		t.Error(diff)
	}
	if report.FailedSources != 1 || report.FailedChunks != 1 {
		t.Errorf("%d sources and %d chunks failed", report.FailedSources, report.FailedChunks)
	}
	if len(report.Skips) != 1 || filepath.Base(report.Skips[0].Source) != "c.bin" {
		t.Errorf("skips %v, want the binary file", report.Skips)
	}
}

func TestSplitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	var last error
	for _, err := range Split(ctx, Options{Roots: []string{t.TempDir()}}, new(Report)) {
		last = err
	}
	if !errors.Is(last, why) {
		t.Errorf("%v, want %v", last, why)
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
	var report Report
	for _, err := range Split(t.Context(), o, &report) {
		t.Error(err)
	}
	for _, f := range report.Failures {
		got = append(got, filepath.Base(f.Source)+" "+f.Error[:9])
	}
	if diff := cmp.Diff([]string{"a.txt separator", "b.jsonl line 2: s"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
