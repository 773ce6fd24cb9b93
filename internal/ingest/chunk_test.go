package ingest

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"sheaf/internal/engine"
	"sheaf/internal/loader"
	"sheaf/internal/metadata"
	"sheaf/internal/splitter"
)

func chunkerOf(t *testing.T, name string, s settings) *chunker {
	t.Helper()
	c, err := newChunker(name, s, splitters{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Records that differ in their metadata alone have ids of their own. The metadata of a text are not its own.
func TestDerivedIDs(t *testing.T) {
	t.Parallel()
	one, other := engine.Document{Text: "x"}, engine.Document{Text: "x"}
	one.Metadata = object(t, `{"n": 1}`)
	other.Metadata = object(t, `{"n": 2}`)
	of := func(content string) string { return uuid.NewSHA1(namespace, []byte(content)).String() }
	for format, want := range map[loader.Format][]string{
		loader.JSONL: {of("a\x00x\x00" + `{"n":1}` + "\x000"), of("a\x00x\x00" + `{"n":2}` + "\x000"), of("a\x00x\x00" + `{"n":1}` + "\x001")},
		loader.Text:  {of("a\x00x\x000"), of("a\x00x\x001"), of("a\x00x\x002")},
	} {
		c := chunkerOf(t, "a", settings{Format: format})
		got := []string{c.derive(one), c.derive(other), c.derive(one)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

func object(t *testing.T, text string) metadata.Object {
	t.Helper()
	o, err := metadata.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// Chunks are measured in code points.
func TestMeasure(t *testing.T) {
	t.Parallel()
	c := &chunker{size: 3}
	for _, text := range []string{"abc", "äöü", "äö", ""} {
		if c.measure(text); c.oversize != 0 {
			t.Fatalf("%q is oversize", text)
		}
	}
	c.measure("äöüx")
	c.measure("12345")
	c.measure("1234")
	if c.oversize != 3 || c.longest != 5 {
		t.Errorf("%d, the longest %d", c.oversize, c.longest)
	}
}

// Each chunk has what its file brings, the headings above it, and what all get; nothing of the one before it.
func TestChunkMetadata(t *testing.T) {
	t.Parallel()
	c := chunkerOf(t, "a", settings{Format: loader.Text, Meta: []Meta{{Key: "lang", Value: json.RawMessage(`"en"`)}}})
	front := object(t, `{"title": "T", "source": "S"}`)
	for _, tt := range []struct {
		rec      loader.Record
		headings []splitter.Heading
		want     string
	}{
		{loader.Record{}, []splitter.Heading{{Key: "h1", Value: "H"}}, `{"source":"a","h1":"H","lang":"en"}`},
		{loader.Record{Metadata: front}, nil, `{"source":"a","title":"T","front_matter_source":"S","lang":"en"}`},
		{loader.Record{}, nil, `{"source":"a","lang":"en"}`},
	} {
		got, err := c.metadata(tt.rec, tt.headings)
		if err != nil || got.String() != tt.want {
			t.Errorf("%s, %v, want %s", got, err, tt.want)
		}
	}
}

func TestSplitterFor(t *testing.T) {
	t.Parallel()
	code := splitter.Options{Kind: splitter.Recursive, ChunkSize: defaultSplitter.ChunkSize, Language: splitter.LanguageOf("a.go")}
	for name, want := range map[string]splitter.Options{"a.txt": defaultSplitter, "a.go": code} {
		if diff := cmp.Diff(want, splitterFor(name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A document is placed by its lines, a record without one by its id.
func TestPlaces(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]engine.Document{
		"line 3":       {ID: "x", StartLine: 3, EndLine: 3},
		"line 4":       {ID: "x", StartLine: 4},
		"lines 3 to 4": {ID: "x", StartLine: 3, EndLine: 4},
		`id "x"`:       {ID: "x"},
	} {
		if got := (&step{doc: d}).lines(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
