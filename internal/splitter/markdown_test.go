package splitter

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const guide = `intro

# Guide

First words.

## Install

Run the thing, then run the other thing.
Then rest.

` + "```" + `
# no heading
` + "```" + `

# Index
	tabbed é
`

func TestMarkdown(t *testing.T) {
	t.Parallel()
	h1 := Heading{"Header 1", "Guide"}
	h2 := Heading{"Header 2", "Install"}
	want := []Chunk{
		{Text: "intro", StartIndex: 0, StartLine: 1, EndLine: 1},
		{Text: "# Guide  \nFirst words.", StartIndex: -1, StartLine: 3, EndLine: 5, Headings: []Heading{h1}},
		{Text: "## Install", StartIndex: 30, StartLine: 7, EndLine: 7, Headings: []Heading{h1, h2}},
		{Text: "Run the thing, then run the", StartIndex: 42, StartLine: 9, EndLine: 9, Headings: []Heading{h1, h2}},
		{Text: "other thing.", StartIndex: 70, StartLine: 9, EndLine: 9, Headings: []Heading{h1, h2}},
		{Text: "Then rest.  \n```", StartIndex: -1, StartLine: 10, EndLine: 12, Headings: []Heading{h1, h2}},
		{Text: "# no heading\n```", StartIndex: 99, StartLine: 13, EndLine: 14, Headings: []Heading{h1, h2}},
		{Text: "# Index\ntabbed é", StartIndex: -1, StartLine: 16, EndLine: 17, Headings: []Heading{{"Header 1", "Index"}}},
	}
	got := mustSplit(t, Options{Kind: Markdown, ChunkSize: 29}, guide)
	if diff := cmp.Diff(Result{Chunks: want}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMarkdownOverlapKeepsHeadings(t *testing.T) {
	t.Parallel()
	r := mustSplit(t, Options{Kind: Markdown, ChunkSize: 16, ChunkOverlap: 5, Separators: []string{" "}}, "# A\none two three\nfour five")
	var got []string
	for _, c := range r.Chunks {
		got = append(got, c.Text)
		if diff := cmp.Diff([]Heading{{"Header 1", "A"}}, c.Headings); diff != "" {
			t.Errorf("headings of %q (-want +got):\n%s", c.Text, diff)
		}
	}
	if diff := cmp.Diff([]string{"# A\none two", "two three\nfour", "five"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMarkdownRegexError(t *testing.T) {
	t.Parallel()
	s, err := New(Options{Kind: Markdown, ChunkSize: 9, Separators: []string{"(,|;)"}, Regex: true})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := s.Split("# A\na,b"); err == nil {
		t.Errorf("no error, but %+v", r)
	}
}
