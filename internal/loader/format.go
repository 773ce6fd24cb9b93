package loader

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Format is the name of a file format.
type Format string

// Auto stands for the format that the extension of a file tells: Text, where no format claims it.
const (
	Auto  Format = "auto"
	Text  Format = "text"  // one record: the whole file
	JSONL Format = "jsonl" // a JSON object a line
	JSON  Format = "json"  // an array of JSON objects
	HTML  Format = "html"  // one record: the visible text
	CSV   Format = "csv"   // a header, then a record a row (RFC 4180); tabs for a file called .tsv
)

// format says how the files of a format are found and read.
type format struct {
	name       Format
	extensions []string // in lower case, with the dot
	// records is true where a file has many records, which bring metadata, are read one after the other and are not
	// split unless that is asked for; false where it is one text.
	records bool
	// binary is true where the bytes of a file are not text, so that zero bytes do not rule it out.
	binary bool
	// begins reports whether a file with one of the extensions is in the format, by its first bytes; else it is text. nil:
	// it always is.
	begins func(head []byte) bool
	read   func(*Reader, func(Record, error) bool) error
}

// formats are all formats.
func formats() []format {
	return []format{
		{name: Text, read: (*Reader).text},
		{name: JSONL, extensions: []string{".jsonl", ".ndjson"}, records: true, read: (*Reader).jsonl},
		{name: JSON, extensions: []string{".json"}, records: true, begins: isObjectArray, read: (*Reader).json},
		{name: HTML, extensions: []string{".html", ".htm", ".xhtml"}, read: (*Reader).html},
		{name: CSV, extensions: []string{".csv", ".tsv"}, records: true, read: (*Reader).csv},
	}
}

// Formats returns the names of all formats, without Auto.
func Formats() []Format {
	var names []Format
	for _, f := range formats() {
		names = append(names, f.name)
	}
	return names
}

// HasRecords reports whether a file in the format has many records with metadata of their own, not one text.
func (f Format) HasRecords() bool {
	known, err := findFormat(f)
	return err == nil && known.records
}

// isBinary reports whether the bytes of a file in the format are not text.
func (f Format) isBinary() bool {
	known, err := findFormat(f)
	return err == nil && known.binary
}

// begins reports whether a file with an extension of the format is in it, by its first bytes.
func (f Format) begins(head []byte) bool {
	known, err := findFormat(f)
	return err != nil || known.begins == nil || known.begins(head)
}

func findFormat(name Format) (format, error) {
	for _, f := range formats() {
		if f.name == name {
			return f, nil
		}
	}
	return format{}, fmt.Errorf("unknown format %q", name)
}

// formatOf returns the format of a file where the user asked for wanted.
func formatOf(wanted Format, file string) Format {
	if wanted != Auto && wanted != "" {
		return wanted
	}
	extension := strings.ToLower(filepath.Ext(file))
	for _, f := range formats() {
		if slices.Contains(f.extensions, extension) {
			return f.name
		}
	}
	return Text
}
