package loader

import (
	"slices"
	"testing"
)

func TestFormatOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		wanted Format
		file   string
		want   Format
	}{
		{Auto, "a.jsonl", JSONL},
		{"", "dir.csv/a.NDJSON", JSONL},
		{Auto, "a.Csv", CSV},
		{Auto, "a.tsv", CSV},
		{Auto, "a.md", Text},
		{Auto, "csv", Text},
		{Auto, "", Text},
		{Text, "a.csv", Text},
		{CSV, "a.md", CSV},
	} {
		if got := formatOf(test.wanted, test.file); got != test.want {
			t.Errorf("%q as %q: %q, want %q", test.file, test.wanted, got, test.want)
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), from("scroll", ""), ReadOptions{})
	if err == nil || err.Error() != `reading "in": unknown format "scroll"` {
		t.Error(err)
	}
	if Format("scroll").HasRecords() || Format("scroll").isBinary() {
		t.Error("something is known of an unknown format")
	}
}

// Every format reads an empty file: as one empty text, or as no record.
func TestFormats(t *testing.T) {
	t.Parallel()
	if !slices.Equal(Formats(), []Format{Text, JSONL, JSON, HTML, CSV}) {
		t.Errorf("formats %q", Formats())
	}
	for _, f := range Formats() {
		recs, errs, err := readAll(t, from(f, ""), ReadOptions{})
		if records := len(recs) == 0; records != f.HasRecords() || len(errs) > 0 || err != nil {
			t.Errorf("%s: %d records, %v, %v", f, len(recs), errs, err)
		}
	}
}
