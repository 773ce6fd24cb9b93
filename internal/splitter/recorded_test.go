package splitter

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRecorded compares with LangChain's answers to made-up calls, see
// testdata/record.py.
func TestRecorded(t *testing.T) {
	t.Parallel()
	f, err := os.Open(filepath.Join("testdata", "recorded.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	split, refused := 0, 0
	for lines.Scan() {
		var c recordedCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		if c.Error == "" {
			split++
		} else {
			refused++
		}
		c.check(t)
	}
	if err := lines.Err(); err != nil || split < 300 || refused < 50 {
		t.Errorf("read %d texts and %d errors: %v", split, refused, err)
	}
}

type recordedCase struct {
	Options Options  `json:"o"`
	Text    string   `json:"t"`
	Chunks  [][3]any // text, start index or null, metadata
	Warn    []int
	Error   string
}

func (c recordedCase) check(t *testing.T) {
	t.Helper()
	s, err := New(c.Options)
	var r Result
	if err == nil {
		r, err = s.Split(c.Text)
	}
	if (err != nil) != (c.Error != "") {
		t.Errorf("%+v of %q: error %v, LangChain's %q", c.Options, c.Text, err, c.Error)
		return
	}
	var got [][3]any
	for i, chunk := range r.Chunks {
		headings := map[string]any{}
		for _, h := range chunk.Headings {
			headings[h.Key] = h.Value
		}
		got = append(got, [3]any{chunk.Text, float64(chunk.StartIndex), headings})
		if i < len(c.Chunks) && c.Chunks[i][1] == nil {
			got[i][1] = nil // markdown: LangChain's would count within the section
		}
	}
	if len(got) == 0 {
		got = c.Chunks[:0]
	}
	if diff := cmp.Diff(c.Chunks, got); diff != "" {
		t.Errorf("%+v of %q (-want +got):\n%s", c.Options, c.Text, diff)
	}
	if diff := cmp.Diff(c.Warn, append([]int{}, r.Oversize...)); diff != "" && err == nil {
		t.Errorf("%+v of %q: oversize (-want +got):\n%s", c.Options, c.Text, diff)
	}
}
