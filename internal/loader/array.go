package loader

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// json reads the objects of a JSON array.
func (r *Reader) json(yield func(Record, error) bool) error {
	in, err := r.records(false)
	if err != nil {
		return err
	}
	return r.array(in, yield)
}

// isArray reports whether a file begins as a JSON array.
func isArray(head []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(head, jsonBlanks), []byte("[")) }

// isObjectArray reports whether a file begins as a JSON array of objects.
func isObjectArray(head []byte) bool {
	if c, found := findBOM(head); found {
		head = head[c.bom:]
		if c.enc != nil {
			var err error
			if head, err = c.decodeSample(head); err != nil {
				return false
			}
		}
	}
	head = bytes.TrimLeft(head, jsonBlanks)
	return isArray(head) && bytes.HasPrefix(bytes.TrimLeft(head[1:], jsonBlanks), []byte("{"))
}

// array reads the elements of an array, each as jsonl reads a line. What is not JSON ends the reading.
func (r *Reader) array(in *bufio.Reader, yield func(Record, error) bool) error {
	lines := &lineCounter{in: in, line: 1}
	limited := &rowLimiter{in: lines, limit: int64(r.maxRecord), err: errLongRecord}
	d := json.NewDecoder(limited)
	limited.read = d.InputOffset
	first := opening{yield: yield}
	return first.end(r.elements(d, lines, &first))
}

func (r *Reader) elements(d *json.Decoder, lines *lineCounter, first *opening) error {
	wrong := func(err error) error {
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			return fmt.Errorf("after line %d: not JSON: %w", lines.at(d.InputOffset()), err)
		}
		return err
	}
	switch token, err := d.Token(); {
	case err == io.EOF:
		return nil
	case token != json.Delim('['):
		return errors.New("not a JSON array (--format text reads it as a text)")
	}
	p := jsonParser{fields: r.opts}
	for d.More() {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return wrong(err)
		}
		line := lines.at(d.InputOffset() - int64(len(raw)))
		rec, err := p.parse(raw)
		rec.Line = line
		if err != nil {
			rec, err = Record{}, &RecordError{Line: line, Err: err}
		}
		if !first.next(rec, err) {
			return errStopped
		}
	}
	if _, err := d.Token(); err != nil {
		return wrong(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("line %d: more than one JSON array", lines.at(d.InputOffset()))
	}
	return nil
}

// lineCounter is a reader that knows the lines of the bytes it has read.
type lineCounter struct {
	in    io.Reader
	given int64
	ends  []int64 // offsets of line feeds at or behind the place that was asked for last
	line  int     // of that place
}

func (l *lineCounter) Read(p []byte) (int, error) {
	n, err := l.in.Read(p)
	for i, b := range p[:n] {
		if b == '\n' {
			l.ends = append(l.ends, l.given+int64(i))
		}
	}
	l.given += int64(n)
	return n, err
}

// at returns the line of an offset, which must not be before that of an earlier call.
func (l *lineCounter) at(offset int64) int {
	for len(l.ends) > 0 && l.ends[0] < offset {
		l.ends = l.ends[1:]
		l.line++
	}
	return l.line
}
