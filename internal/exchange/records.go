package exchange

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"sheaf/internal/engine"
	"sheaf/internal/hint"
	"sheaf/internal/langchain"
	"sheaf/internal/loader"
	"sheaf/internal/metadata"
)

// recordExtensions are those of the format records.
var recordExtensions = []string{".jsonl", ".ndjson"}

// records is a JSON object a line, with its vector.
var records = Format{
	Name:       "jsonl",
	Extensions: recordExtensions,
	Text:       true,
	Records:    true,
	ReadHelp: `records with a vector each, as sheaf export writes them, a line
each or in an array`,
	WriteHelp: "one document a line, as sheaf list prints it, with its vector",
	detect: func(p candidate) bool {
		const byteOrderMark, blanks = "\xef\xbb\xbf", " \t\r\n"
		text := bytes.TrimLeft(bytes.TrimPrefix(p.head, []byte(byteOrderMark)), blanks)
		empty := !p.folder && len(text) == 0
		return bytes.HasPrefix(bytes.TrimLeft(bytes.TrimPrefix(text, []byte("[")), blanks), []byte("{")) || empty && slices.Contains(recordExtensions, extension(p.path))
	},
	open: openRecords,
	write: func(o Output) ([]string, error) {
		return nil, o.file(func(w io.Writer) error { return writeRecords(w, o.Transfers) })
	},
}

// Record is a document as an object of JSON: a line of a file of records, and what the verbs
// print. Lines are left out where they are not known.
type Record struct {
	ID        string          `json:"id"`
	Text      string          `json:"text"`
	Metadata  metadata.Object `json:"metadata"`
	Source    string          `json:"source"`
	StartLine int             `json:"start_line,omitempty"`
	EndLine   int             `json:"end_line,omitempty"`
	Vector    []float32       `json:"vector,omitempty"`
}

// NewRecord returns the record of a document.
func NewRecord(d engine.Document) Record {
	return Record{d.ID, d.Text, d.Metadata, d.Source, d.StartLine, d.EndLine, d.Vector}
}

func writeRecords(w io.Writer, docs iter.Seq2[engine.Transfer, error]) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for t, err := range docs {
		if err == nil {
			err = e.Encode(NewRecord(t.Document))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// openRecords reads the first record at once: it tells how long vectors are.
func openRecords(ctx context.Context, in *Input, o Options) error {
	all, err := in.readRecords(ctx, in.path, o.Fields)
	if err != nil {
		return err
	}
	return in.peek(all)
}

// peek makes the input one of documents, the first of which tells how long vectors are.
func (in *Input) peek(all iter.Seq2[engine.Transfer, error]) error {
	in.documents = all
	first, err := in.ahead(1)
	if err != nil {
		return err
	}
	if in.Empty = len(first) == 0; !in.Empty {
		in.Dim = len(first[0].Vector)
	}
	return nil
}

// readRecords yields the lines of a file of records. A malformed one ends it.
func (in *Input) readRecords(ctx context.Context, path string, fields loader.ReadOptions) (iter.Seq2[engine.Transfer, error], error) {
	r, err := loader.Open(ctx, loader.Source{Name: path, Path: path, Format: loader.JSONL}, fields)
	if err != nil {
		return nil, err
	}
	in.closers = append(in.closers, r.Close)
	return func(yield func(engine.Transfer, error) bool) {
		for rec, err := range r.Records() {
			if bad := (*loader.RecordError)(nil); errors.As(err, &bad) {
				err = &langchain.FormatError{Path: path, Err: bad}
			}
			if lacks := (*loader.NoTextError)(nil); errors.As(err, &lacks) {
				err = hint.With(&langchain.FormatError{Path: path, Err: fmt.Errorf("a record with the fields %q has no text in %q", lacks.Has[:min(len(lacks.Has), 20)], lacks.Wanted)},
					"--text-field names the field that holds the text, --id-field and --vector-field the id and the vector")
			}
			if !yield(recordTransfer(rec), err) || err != nil {
				return
			}
		}
	}, nil
}

func recordTransfer(rec loader.Record) engine.Transfer {
	d := engine.Document{
		ID: rec.ID, Text: rec.Text, Metadata: rec.Metadata, Source: rec.Source, StartIndex: -1,
		StartLine: rec.StartLine, EndLine: rec.EndLine, Vector: rec.Vector,
	}
	if d.Source == "" {
		d.StartLine, d.EndLine = rec.Line, 0
	}
	return engine.Transfer{Document: d}
}
