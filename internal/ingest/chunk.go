package ingest

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"sheaf/internal/engine"
	"sheaf/internal/loader"
	"sheaf/internal/metadata"
	"sheaf/internal/splitter"
)

// namespace is that of derived ids. It must never change, because the same input
// gets the same ids from every version.
var namespace = uuid.MustParse("6f2d5b3e-5c0e-4d7b-9a39-6b3b0c7e51aa")

// chunker makes documents of the records of one source.
type chunker struct {
	name     string
	records  bool            // JSONL or CSV: metadata is what the record brings
	given    []Meta          // metadata for all documents
	source   metadata.Object // the metadata of a text's chunks
	builder  metadata.Builder
	splitter *splitter.Splitter // nil: a record is one document
	seen     occurrences
	blank    int // number of records that were left out because they have no text
	size     int // chunks are to have at most so many code points; 0: any number
	oversize int // number of chunks that have more
	longest  int // of those
}

// document is a document that a chunker made.
type document struct {
	engine.Document
	repeated bool // an earlier document of the source may have its id
}

// splitters are the splitters of a run by their options. One splitter for all
// sources finds out once that an expression is too slow.
type splitters map[string]*splitter.Splitter

func (s splitters) get(o splitter.Options) (*splitter.Splitter, error) {
	key := fmt.Sprintf("%+v", o)
	if made, ok := s[key]; ok {
		return made, nil
	}
	made, err := splitter.New(o)
	if err == nil {
		s[key] = made
	}
	return made, err
}

func newChunker(name string, s settings, made splitters) (*chunker, error) {
	c := &chunker{name: name, records: s.Format.HasRecords(), given: s.Meta}
	c.builder.Set("source", metadata.Quote(name))
	c.source = c.builder.Object()
	options := defaultSplitter
	switch {
	case s.Splitter != nil:
		options = *s.Splitter
	case s.ByKind:
		options = splitterFor(name)
	}
	if c.records && (s.Splitter == nil || options.Kind == "") {
		return c, nil
	}
	if options.Kind == "" {
		options.Kind = defaultSplitter.Kind
	}
	var err error
	c.splitter, err = made.get(options)
	if options.Kind != splitter.None {
		c.size = options.ChunkSize
	}
	return c, err
}

// atLine adds the line of a record to an error; a text has none.
func atLine(line int, err error) error {
	if line == 0 {
		return err
	}
	return fmt.Errorf("line %d: %w", line, err)
}

// documents splits a record.
func (c *chunker) documents(rec loader.Record) (docs []document, err error) {
	if rec.Vector == nil && c.records && strings.TrimSpace(rec.Text) == "" {
		c.blank++
		return nil, nil
	}
	chunks := []splitter.Chunk{{Text: rec.Text, StartIndex: -1, StartLine: rec.Line, EndLine: rec.Line}}
	if c.splitter != nil {
		result, err := c.splitter.Split(rec.Text)
		if err != nil {
			return nil, err
		}
		chunks = result.Chunks
	}
	repeated := rec.ID != "" && c.seen.count(uuid.NewSHA1(namespace, []byte(rec.ID))) > 0
	for i, chunk := range chunks {
		c.measure(chunk.Text)
		d := document{repeated: repeated}
		d.Text, d.StartIndex, d.StartLine, d.EndLine = chunk.Text, chunk.StartIndex, chunk.StartLine, chunk.EndLine
		if c.records {
			d.StartLine, d.EndLine, d.StartIndex = rec.Line, 0, -1
		} else {
			skip(&d.Document, rec)
		}
		if d.Metadata, err = c.metadata(rec, chunk.Headings); err != nil {
			return nil, err
		}
		switch {
		case rec.ID == "":
			d.ID = c.derive(d.Document)
		case c.splitter != nil:
			d.ID = rec.ID + "#" + strconv.Itoa(i+1)
		default:
			d.ID = rec.ID
		}
		if c.splitter == nil {
			d.Vector = rec.Vector
		}
		docs = append(docs, d)
	}
	return docs, nil
}

// skip moves a chunk of a text to its place in the file.
func skip(d *engine.Document, rec loader.Record) {
	if rec.Lines != nil {
		if d.StartLine > 0 {
			d.StartLine, d.EndLine = rec.Lines[d.StartLine-1], rec.Lines[d.EndLine-1]
		}
		d.StartIndex = -1
		return
	}
	if d.StartLine > 0 {
		d.StartLine, d.EndLine = d.StartLine+rec.SkippedLines, d.EndLine+rec.SkippedLines
	}
	if d.StartIndex >= 0 {
		d.StartIndex += rec.SkippedRunes
	}
}

// measure counts a chunk that no separator divides.
func (c *chunker) measure(text string) {
	if c.size == 0 || len(text) <= c.size {
		return
	}
	if n := utf8.RuneCountInString(text); n > c.size {
		c.oversize++
		c.longest = max(c.longest, n)
	}
}

// remarks returns notices about a source that was read.
func (c *chunker) remarks(reader *loader.Reader) (texts []string) {
	for _, remark := range reader.Remarks() {
		texts = append(texts, fmt.Sprintf("%q: %s", c.name, remark))
	}
	if c.blank > 0 {
		texts = append(texts, fmt.Sprintf("%q: left out what has no text: %s", c.name, count(c.blank, "record")))
	}
	return texts
}

// count returns a number of things as text: "1 record", "2 records".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// countIs begins a sentence about a number of chunks.
func countIs(n int) string {
	if n == 1 {
		return "1 chunk is"
	}
	return fmt.Sprintf("%d chunks are", n)
}

// frontSource is what the front matter's own "source" is called: that of a text is its file.
const frontSource = "front_matter_source"

// metadata returns the metadata of a chunk: those of its record, or its source and what the
// text brings, such as front matter; the headings above it; and those that all documents get.
func (c *chunker) metadata(rec loader.Record, headings []splitter.Heading) (metadata.Object, error) {
	base, brought := c.source, rec.Metadata
	if c.records {
		base, brought = rec.Metadata, metadata.Object{}
	}
	front, err := brought.Members()
	if err != nil || len(headings)+len(c.given)+len(front) == 0 {
		return base, err
	}
	members, err := base.Members()
	if err != nil {
		return base, err
	}
	c.builder.Reset()
	for _, m := range members {
		c.builder.Set(m.Key, m.Value)
	}
	for _, m := range front {
		if m.Key == "source" {
			m.Key = frontSource
		}
		c.builder.Set(m.Key, m.Value)
	}
	for _, h := range headings {
		c.builder.Set(h.Key, metadata.Quote(h.Value))
	}
	for _, m := range c.given {
		c.builder.Set(m.Key, m.Value)
	}
	return c.builder.Object(), nil
}

// derive makes an id of the name of the source, the text, the metadata of a record,
// and how often the source had the same before.
func (c *chunker) derive(d engine.Document) string {
	content := c.name + "\x00" + d.Text
	if c.records {
		content += "\x00" + d.Metadata.String()
	}
	return derive(&c.seen, content)
}

// derive makes the id of content that is there for the first time, and another where it is not.
func derive(seen *occurrences, content string) string {
	id := uuid.NewSHA1(namespace, []byte(content+"\x000"))
	if occurrence := seen.count(id); occurrence > 0 {
		id = uuid.NewSHA1(namespace, []byte(content+"\x00"+strconv.Itoa(occurrence)))
	}
	return id.String()
}

// IDs derives ids for records without one as an ingest does, so that an import
// gives the same records the same ids.
type IDs struct{ seen occurrences }

// Derive returns the id of a source's next record with this text and metadata.
func (ids *IDs) Derive(source, text string, metadata metadata.Object) string {
	return derive(&ids.seen, source+"\x00"+text+"\x00"+metadata.String())
}
