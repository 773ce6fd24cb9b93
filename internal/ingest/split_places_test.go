package ingest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sheaf/internal/splitter"
)

// kinds are sources of each kind, by name.
var kinds = map[string]string{
	"a.md":    "---\ntitle: x\nsource: y\n---\n# One\n\ntext\n\n## Two\n\nmore\n",
	"b.html":  "<title>t</title>\n<p>one</p>\n\n<p>two</p>\n<p>three\nfour",
	"c.jsonl": `{"text": "three", "id": "x"}` + "\n" + `{"text": " "}` + "\n",
	"d.csv":   "title,body\nx,y\n",
	"e.py":    "class A:\n" + strings.Repeat("\tx = 1\n", 100) + "class B:\n" + strings.Repeat("\ty = 2\n", 100),
	"f.txt":   "a\x00b",
}

// TestSplitKinds: the lines, the place in code points, the metadata and the id of each kind of source.
func TestSplitKinds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range kinds {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	const front = `{"source":"DIR/a.md","title":"x","front_matter_source":"y"`
	notices := []string{
		`"DIR/c.jsonl": left out what has no text: 1 record`,
		`"DIR/d.csv" is passed over: no field "text" or "page_content" (it has "title", "body"): --text-field names the one to search, --format text reads the file as it is`,
	}
	tests := map[string]struct {
		splitter *splitter.Options
		want     []string
		oversize Oversize
	}{
		"by the kind": {nil, []string{
			`a.md 5-11 @27 "# One\n\ntext\n\n## Two\n\nmore" ` + front + `}`, `b.html 2-5 @-1 "one\n\ntwo\n\nthree four" {"source":"DIR/b.html","title":"t"}`,
			`c.jsonl 1-0 @-1 "three" {} x`, `e.py 1-101 @0 "class A:" {"source":"DIR/e.py"}`, `e.py 102-202 @709 "class B:" {"source":"DIR/e.py"}`,
		}, Oversize{}},
		"at paragraphs, of the default kind": {&splitter.Options{ChunkSize: 5}, []string{
			`a.md 5-5 @27 "# One" ` + front + `}`, `a.md 7-7 @34 "text" ` + front + `}`, `a.md 9-9 @40 "## Two" ` + front + `}`, `a.md 11-11 @48 "more" ` + front + `}`,
			`b.html 2-2 @-1 "one" {"source":"DIR/b.html","title":"t"}`, `b.html 4-4 @-1 "two" {"source":"DIR/b.html","title":"t"}`, `b.html 5-5 @-1 "three four" {"source":"DIR/b.html","title":"t"}`,
			`c.jsonl 1-0 @-1 "three" {} x`, `e.py 1-202 @0 "class A:" {"source":"DIR/e.py"}`,
		}, Oversize{Chunks: 3, Sources: 3, Longest: 1417}},
		"records too": {&splitter.Options{Kind: splitter.None, ChunkSize: 1}, []string{
			`a.md 5-11 @27 "# One\n\ntext\n\n## Two\n\nmore\n" ` + front + `}`, `b.html 2-5 @-1 "one\n\ntwo\n\nthree four" {"source":"DIR/b.html","title":"t"}`,
			`c.jsonl 1-0 @-1 "three" {} x#1`, `e.py 1-202 @0 "class A:" {"source":"DIR/e.py"}`,
		}, Oversize{}},
		"at headings": {&splitter.Options{Kind: splitter.Markdown, ChunkSize: 2000}, []string{
			`a.md 5-7 @-1 "# One  \ntext" ` + front + `,"Header 1":"One"}`, `a.md 9-11 @-1 "## Two  \nmore" ` + front + `,"Header 1":"One","Header 2":"Two"}`,
			`b.html 2-5 @-1 "one  \ntwo  \nthree four" {"source":"DIR/b.html","title":"t"}`, `c.jsonl 1-0 @-1 "three" {} x#1`, `e.py 1-202 @-1 "class A:" {"source":"DIR/e.py"}`,
		}, Oversize{}},
	}
	for name, tt := range tests {
		var report Report
		var got, told []string
		o := Options{Roots: []string{dir}, Splitter: tt.splitter, Notice: func(text string) { told = append(told, strings.ReplaceAll(text, dir, "DIR")) }}
		for d, err := range Split(t.Context(), o, &report) {
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(d.Source, ".py") {
				d.Text = "class " + d.Text[6:7] + ":"
			}
			if !strings.HasSuffix(d.Source, ".jsonl") {
				d.ID = ""
			}
			line := fmt.Sprintf("%s %d-%d @%d %q %s %s", filepath.Base(d.Source), d.StartLine, d.EndLine, d.StartIndex, d.Text, d.Metadata, d.ID)
			got = append(got, strings.TrimSpace(strings.ReplaceAll(line, dir, "DIR")))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(notices, told); diff != "" {
			t.Errorf("%s: notices (-want +got):\n%s", name, diff)
		}
		if report.Oversize != tt.oversize || len(report.Skips) != 2 || report.Failed() {
			t.Errorf("%s: %+v", name, report)
		}
	}
}

// TestSplitStops: whoever has enough documents gets no more of them, and options that are wrong are one error.
func TestSplitStops(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a.txt", "b.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("one\n\ntwo"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	table := filepath.Join(dir, "c.csv")
	if err := os.WriteFile(table, []byte(kinds["d.csv"]), 0o666); err != nil {
		t.Fatal(err)
	}
	for root, want := range map[string][2]int{table: {0, 1}, dir: {1, 0}} { // what is named must be read; without Notice nobody is told
		var report Report
		for _, err := range Split(t.Context(), Options{Roots: []string{root}}, &report) {
			if err != nil {
				t.Error(err)
			}
		}
		if got := [2]int{len(report.Skips), report.FailedSources}; got != want {
			t.Errorf("%s: %d skipped and failed, want %d", filepath.Base(root), got, want)
		}
	}
	n := 0
	for range Split(t.Context(), Options{Roots: []string{dir}, Splitter: &splitter.Options{ChunkSize: 3}}, new(Report)) {
		n++
		break
	}
	for _, err := range Split(t.Context(), Options{Roots: []string{dir}, Splitter: &splitter.Options{Kind: "no"}}, new(Report)) {
		if n++; err == nil || !strings.Contains(err.Error(), `"no"`) {
			t.Errorf("%v, want an error about the splitter", err)
		}
	}
	if n != 2 {
		t.Errorf("%d documents and errors, want one of each", n)
	}
}
