package loader

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// errLongRecord is a record that would fill the memory.
var errLongRecord = fmt.Errorf("record longer than %s", formatSize(maxRecord))

// jsonl reads a JSON object a line. Lines end with "\n"; blank ones are passed over.
func (r *Reader) jsonl(yield func(Record, error) bool) error {
	in, err := r.records()
	if err != nil {
		return err
	}
	lines := lineReader{in: in, limit: r.maxRecord}
	p := jsonParser{fields: r.opts, index: map[string]int{}}
	for {
		line, err := lines.next()
		if err == io.EOF {
			return nil
		}
		if err != nil && err != errLongRecord {
			return err
		}
		if err == nil && len(skipBlanks(line)) == 0 {
			continue
		}
		var rec Record
		if err == nil {
			rec, err = p.parse(line)
		}
		rec.Line = lines.number
		if err != nil {
			rec, err = Record{}, &RecordError{Line: lines.number, Err: err}
		}
		if !yield(rec, err) {
			return errStopped
		}
	}
}

// lineReader reads lines of any length up to a limit.
type lineReader struct {
	in     *bufio.Reader
	limit  int
	number int // of the line last read, from 1
	buf    []byte
}

// next gives the next line without its end. It is valid until the call after. A line above the limit is passed over
// with errLongRecord.
func (l *lineReader) next() ([]byte, error) {
	part, err := l.in.ReadSlice('\n')
	if err == io.EOF && len(part) == 0 {
		return nil, io.EOF
	}
	l.number++
	if err == nil && len(part) <= l.limit {
		return part[:len(part)-1], nil
	}
	l.buf = append(l.buf[:0], part...)
	long := len(part) > l.limit
	for err == bufio.ErrBufferFull {
		part, err = l.in.ReadSlice('\n')
		if long = long || len(l.buf)+len(part) > l.limit; !long {
			l.buf = append(l.buf, part...)
		}
	}
	switch {
	case err != nil && err != io.EOF:
		return nil, err
	case long:
		return nil, errLongRecord
	}
	return bytes.TrimSuffix(l.buf, []byte("\n")), nil
}

// member is one key and value of a JSON object.
type member struct {
	name  string // the key, decoded
	key   []byte // the key as written
	value []byte
}

// jsonParser makes records of JSON objects. It keeps what it needs from line to line.
type jsonParser struct {
	fields ReadOptions
	others []member       // members of the record that are no field
	meta   []member       // what becomes metadata
	index  map[string]int // name to place in meta
	buf    []byte
}

// parse reads one object. Of a key that is repeated the last value counts, as in encoding/json.
func (p *jsonParser) parse(line []byte) (Record, error) {
	if err := checkObject(line); err != nil {
		return Record{}, err
	}
	var text, id, vector, metadata []byte
	p.others = p.others[:0]
	for m := range members(line) {
		switch m.name {
		case p.fields.TextField:
			text = m.value
		case p.fields.IDField:
			id = m.value
		case p.fields.VectorField:
			vector = m.value
		case "metadata":
			metadata = m.value
		default:
			p.others = append(p.others, m)
		}
	}
	var rec Record
	var err error
	if rec.Text, err = jsonText(text); err != nil {
		return rec, fmt.Errorf("field %q %w", p.fields.TextField, err)
	}
	if rec.ID, err = jsonID(id); err != nil {
		return rec, fmt.Errorf("field %q %w", p.fields.IDField, err)
	}
	if rec.Vector, err = jsonVector(vector); err != nil {
		return rec, fmt.Errorf("field %q: %w", p.fields.VectorField, err)
	}
	return rec, p.metadata(&rec, metadata)
}

// checkObject reports a line that is not one JSON object in UTF-8.
func checkObject(line []byte) error {
	if bad := invalidUTF8(line); bad >= 0 {
		return fmt.Errorf("not UTF-8: invalid byte 0x%02x at column %d", line[bad], bad+1)
	}
	if !json.Valid(line) {
		var discard json.RawMessage
		err := json.Unmarshal(line, &discard)
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			return fmt.Errorf("not JSON: %w at column %d", err, syntax.Offset)
		}
		return fmt.Errorf("not JSON: %w", err)
	}
	if skipBlanks(line)[0] != '{' {
		return errors.New("not a JSON object")
	}
	return nil
}

// metadata joins what the record says about itself: the members of "metadata" first, then the others that it does not
// name.
func (p *jsonParser) metadata(rec *Record, metadata []byte) error {
	if isNull(metadata) {
		metadata = nil
	}
	if metadata != nil && metadata[0] != '{' {
		return errors.New(`field "metadata" is not an object`)
	}
	clear(p.index)
	p.meta = p.meta[:0]
	if metadata != nil {
		for m := range members(metadata) {
			p.put(m)
		}
	}
	given := len(p.meta)
	for _, m := range p.others {
		i, named := p.index[m.name]
		if rec.takeField(m) && metadata != nil || named && i < given {
			continue
		}
		p.put(m)
	}
	var err error
	rec.Metadata, err = p.object()
	return err
}

func (p *jsonParser) put(m member) {
	i, ok := p.index[m.name]
	if !ok {
		i = len(p.meta)
		p.index[m.name] = i
		p.meta = append(p.meta, m)
	}
	p.meta[i].value = m.value
}

// object writes the collected metadata as an object without blanks; nil when there is none.
func (p *jsonParser) object() (json.RawMessage, error) {
	if len(p.meta) == 0 {
		return nil, nil
	}
	p.buf = append(p.buf[:0], '{')
	for i, m := range p.meta {
		if i > 0 {
			p.buf = append(p.buf, ',')
		}
		p.buf = append(append(append(p.buf, m.key...), ':'), m.value...)
	}
	p.buf = append(p.buf, '}')
	var out bytes.Buffer
	err := json.Compact(&out, p.buf)
	return out.Bytes(), err
}

// takeField reads the keys that list and export print beside the document's own. A record that sheaf wrote has its
// "metadata" apart from them; in any other they are metadata as well, or nothing could be filtered by a "source" that
// somebody else wrote there. Of another type they are no fields.
func (rec *Record) takeField(m member) bool {
	switch m.name {
	case "source":
		if m.value[0] == '"' {
			rec.Source = unquote(m.value)
			return true
		}
	case "start_line":
		return takeLine(&rec.StartLine, m.value)
	case "end_line":
		return takeLine(&rec.EndLine, m.value)
	}
	return false
}

func takeLine(to *int, value []byte) bool {
	n, err := strconv.Atoi(string(value))
	if err != nil || n < 1 {
		return false
	}
	*to = n
	return true
}
