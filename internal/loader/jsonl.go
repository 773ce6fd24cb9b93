package loader

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"sheaf/internal/metadata"
)

// errLongRecord is the error of a line that is longer than maxRecord.
var errLongRecord = fmt.Errorf("record longer than %s", formatSize(maxRecord))

// jsonBlanks are the characters that JSON allows between values.
const jsonBlanks = " \t\r\n"

// errTorn is the error of a line with the beginning of JSON.
var errTorn = errors.New("unexpected end of JSON input")

// jsonl reads one JSON object a line, or those of an array. Lines end with "\n"; blank lines are skipped.
func (r *Reader) jsonl(yield func(Record, error) bool) error {
	in, err := r.records(false)
	if err != nil {
		return err
	}
	if head, _ := in.Peek(headSize); isArray(head) {
		return r.array(in, yield)
	}
	first := opening{yield: yield}
	return first.end(r.lines(in, first.next))
}

func (r *Reader) lines(in *bufio.Reader, yield func(Record, error) bool) error {
	lines := lineReader{in: in, limit: r.maxRecord}
	p := jsonParser{fields: r.opts}
	commas := false
	for {
		line, err := lines.next()
		if err == io.EOF {
			return nil
		}
		if err != nil && err != errLongRecord {
			return err
		}
		if err == nil && len(bytes.TrimLeft(line, jsonBlanks)) == 0 {
			continue
		}
		var rec Record
		if err == nil {
			var comma bool
			if line, comma = bytes.CutSuffix(bytes.TrimRight(line, jsonBlanks), []byte(",")); comma && !commas {
				commas = true
				r.remark("commas at the ends of its lines are left out")
			}
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

// IsRecord reports whether a line of JSONL is a record with a text.
func IsRecord(line string, o ReadOptions) bool {
	if !strings.HasPrefix(line, "{") {
		return false
	}
	p := jsonParser{fields: o}
	_, err := p.parse([]byte(strings.TrimRight(line, jsonBlanks)))
	return err == nil
}

// lineReader reads lines of any length up to a limit.
type lineReader struct {
	in     *bufio.Reader
	limit  int
	number int // of the last line that was read, from 1
	buf    []byte
}

// next returns the next line without its end, valid until the next call. A line above the limit is skipped, with
// errLongRecord.
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

// member is a member of a record's object, with its value as written.
type member struct {
	key   string
	value []byte
}

// jsonParser makes records of JSON objects. Its buffers are used again for each.
type jsonParser struct {
	fields ReadOptions
	texts  [][]byte // the values of the text fields
	others []member // the members that are no field
	meta   metadata.Builder
}

// parse reads one object. Of a key that is repeated the last value counts, as in encoding/json.
func (p *jsonParser) parse(line []byte) (Record, error) {
	if err := checkObject(line); err != nil {
		return Record{}, err
	}
	names := p.fields.textFields()
	var id, vector, meta []byte
	p.texts, p.others = append(p.texts[:0], make([][]byte, len(names))...), p.others[:0]
	for key, value := range metadata.Scan(line) {
		text := slices.Index(names, key)
		switch {
		case text >= 0:
			p.texts[text] = value
		case key == p.fields.IDField:
			id = value
		case key == p.fields.VectorField:
			vector = value
		case key == "metadata":
			meta = value
		default:
			p.others = append(p.others, member{key, value})
		}
	}
	var rec Record
	var err error
	if rec.Text, err = p.text(line, names); err != nil {
		return rec, err
	}
	if rec.ID, err = jsonID(id); err != nil {
		return rec, fmt.Errorf("field %q %w", p.fields.IDField, err)
	}
	if rec.Vector, err = jsonVector(vector); err != nil {
		return rec, fmt.Errorf("field %q: %w", p.fields.VectorField, err)
	}
	return rec, p.metadata(&rec, meta)
}

// text returns the text of a record: what its text fields hold, joined by line breaks, or where the user named none the
// first that is known, of which the others are metadata.
func (p *jsonParser) text(line []byte, names Fields) (string, error) {
	var parts []string
	var null error
	for i, value := range p.texts {
		if value == nil {
			continue
		}
		if isNull(value) {
			null = fmt.Errorf("field %q is not a string", names[i])
			continue
		}
		if len(p.fields.TextFields) == 0 && len(parts) > 0 {
			p.others = append(p.others, member{names[i], value})
			continue
		}
		part, err := jsonText(value)
		if err != nil {
			return "", fmt.Errorf("field %q %w", names[i], err)
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 && null == nil {
		missing := &missingTextError{wanted: names}
		for key := range metadata.Scan(line) {
			missing.has = append(missing.has, key)
		}
		return "", missing
	}
	if len(parts) > 0 {
		null = nil
	}
	return strings.Join(parts, "\n"), null
}

// checkObject returns an error for a line that is not one JSON object in UTF-8.
func checkObject(line []byte) error {
	if bad := invalidUTF8(line); bad >= 0 {
		return fmt.Errorf("not UTF-8: invalid byte 0x%02x at column %d (--encoding names another)", line[bad], bad+1)
	}
	if !json.Valid(line) {
		var discard json.RawMessage
		err := json.Unmarshal(line, &discard)
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			if err.Error() == errTorn.Error() {
				err = errTorn
			}
			return fmt.Errorf("not JSON: %w at column %d", err, syntax.Offset)
		}
		return fmt.Errorf("not JSON: %w", err)
	}
	if bytes.TrimLeft(line, jsonBlanks)[0] != '{' {
		return errors.New("not a JSON object")
	}
	return nil
}

// metadata makes the record's metadata: the members of "metadata" first, then those others that it does not name.
func (p *jsonParser) metadata(rec *Record, given []byte) error {
	if isNull(given) {
		given = nil
	}
	if given != nil && given[0] != '{' {
		return errors.New(`field "metadata" is not an object`)
	}
	p.meta.Reset()
	if given != nil {
		for key, value := range metadata.Scan(given) {
			p.meta.Set(key, value)
		}
	}
	named := p.meta.Len()
	for _, m := range p.others {
		place, ok := p.meta.Place(m.key)
		if rec.takeField(m) && given != nil || ok && place < named {
			continue
		}
		p.meta.Set(m.key, m.value)
	}
	rec.Metadata = p.meta.Object()
	return nil
}

// takeField reports whether m is one of the keys that list and export print besides the document's own, and reads it. In
// a record with "metadata" such a key is no metadata. In any other it is both, so that filters see a "source" that another
// program wrote. A value of another type makes the key an ordinary one.
func (rec *Record) takeField(m member) bool {
	switch m.key {
	case "source":
		if m.value[0] == '"' {
			rec.Source = metadata.Unquote(m.value)
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
