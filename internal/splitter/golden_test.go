package splitter

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A goldenCase is a call of LangChain's and its answer.
type goldenCase struct {
	Name   string
	Params struct {
		Separator     string
		Separators    []string
		Language      string
		Regex         bool `json:"is_separator_regex"`
		Keep          any  `json:"keep_separator"`
		Strip         bool `json:"strip_whitespace"`
		Size          int  `json:"chunk_size"`
		Overlap       int  `json:"chunk_overlap"`
		AddStartIndex bool `json:"add_start_index"`
	}
	Input  string
	Chunks []struct {
		Text       string
		StartIndex *int `json:"start_index"`
		Metadata   map[string]string
	}
	Error    *struct{ Type, Message string }
	Warnings []string
}

func readGolden(t *testing.T, name string) []goldenCase {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "golden", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []goldenCase }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) == 0 {
		t.Fatalf("%s holds no cases", name)
	}
	return file.Cases
}

// options are the case's arguments. Python takes any value for keep_separator.
func (c goldenCase) options(kind Kind) Options {
	p := c.Params
	o := Options{
		Kind: kind, Separators: p.Separators, Regex: p.Regex, Keep: KeepStart, NoStrip: !p.Strip,
		ChunkSize: p.Size, ChunkOverlap: p.Overlap, Language: p.Language,
	}
	switch p.Keep {
	case false, "":
		o.Keep = KeepNone
	case "end":
		o.Keep = KeepEnd
	}
	if kind == Character {
		o.Separators = []string{p.Separator}
	}
	if p.Language != "" {
		o.Separators, o.Regex = nil, false
	}
	return o
}

func TestGolden(t *testing.T) {
	t.Parallel()
	files := map[string]Kind{
		"character": Character, "character_regex": Character, "character_regex_differs": Character,
		"character_regex_not_re2": Character, "recursive": Recursive,
	}
	for name, kind := range files {
		for _, c := range readGolden(t, name) {
			t.Run(name+"/"+c.Name, func(t *testing.T) {
				t.Parallel()
				checkGolden(t, c, kind)
			})
		}
	}
}

func checkGolden(t *testing.T, c goldenCase, kind Kind) {
	t.Helper()
	s, err := New(c.options(kind))
	var got Result
	if err == nil {
		got, err = s.Split(c.Input)
	}
	if (err != nil) != (c.Error != nil) {
		t.Fatalf("error %v, LangChain's %+v", err, c.Error)
	}
	if len(got.Chunks) != len(c.Chunks) {
		t.Fatalf("%d chunks, want %d: %+v", len(got.Chunks), len(c.Chunks), got.Chunks)
	}
	for i, want := range c.Chunks {
		if got.Chunks[i].Text != want.Text {
			t.Errorf("chunk %d is\n%q, want\n%q", i, got.Chunks[i].Text, want.Text)
		}
		if want.StartIndex != nil && got.Chunks[i].StartIndex != *want.StartIndex {
			t.Errorf("chunk %d starts at %d, want %d", i, got.Chunks[i].StartIndex, *want.StartIndex)
		}
	}
	if diff := cmp.Diff(warnedSizes(t, c.Warnings), got.Oversize); diff != "" {
		t.Errorf("oversize (-want +got):\n%s", diff)
	}
}

var warning = regexp.MustCompile(`^Created a chunk of size (\d+), `)

func warnedSizes(t *testing.T, warnings []string) (sizes []int) {
	t.Helper()
	for _, w := range warnings {
		m := warning.FindStringSubmatch(w)
		if m == nil {
			t.Fatalf("unknown warning %q", w)
		}
		size, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, size)
	}
	return sizes
}

// TestGoldenLanguages holds the lists in this package against LangChain's.
func TestGoldenLanguages(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range readGolden(t, "recursive") {
		if language := c.Params.Language; language != "" {
			seen[language] = true
			if diff := cmp.Diff(c.Params.Separators, languageSeparators()[language]); diff != "" {
				t.Errorf("separators of %s (-want +got):\n%s", language, diff)
			}
		}
	}
	if len(seen) == 0 {
		t.Error("no case has a language")
	}
}

func TestGoldenMarkdown(t *testing.T) {
	t.Parallel()
	for _, c := range readGolden(t, "markdown_header") {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			var want, got []string
			for _, chunk := range c.Chunks {
				want = append(want, fmt.Sprintf("%q %q", chunk.Text, chunk.Metadata))
			}
			for _, s := range splitHeadings(c.Input) {
				metadata := map[string]string{}
				for _, h := range s.headings {
					metadata[h.Key] = h.Value
				}
				got = append(got, fmt.Sprintf("%q %q", s.text(), metadata))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("sections (-want +got):\n%s", diff)
			}
		})
	}
}
