package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"sheaf/internal/langchain"
	"sheaf/internal/metadata"
)

// jsonFile walks through a JSON file and holds one value of it at a time.
type jsonFile struct {
	*json.Decoder
	ctx  context.Context
	path string
	file io.ReaderAt
}

// place is where a value is in a file.
type place struct {
	offset int64
	size   int
}

// openJSON opens a file, which may begin with a byte order mark. The input closes it.
func (in *Input) openJSON(ctx context.Context, path string) (*jsonFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	in.closers = append(in.closers, f.Close)
	const mark = "\ufeff"
	start, head := int64(0), make([]byte, len(mark))
	if n, _ := f.ReadAt(head, 0); string(head[:n]) == mark { // an error shows again when the file is read
		start = int64(n)
	}
	r := io.NewSectionReader(f, start, math.MaxInt64-start)
	return &jsonFile{json.NewDecoder(r), ctx, path, r}, nil
}

// errorf returns an error about the file.
func (d *jsonFile) errorf(format string, args ...any) error {
	return &langchain.FormatError{Path: d.path, Err: fmt.Errorf(format, args...)}
}

// explain returns an error of the decoder as one about the file.
func (d *jsonFile) explain(err error) error {
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		return d.errorf("byte %d: not JSON: %w", syntax.Offset, err)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return d.errorf("it ends too early")
	}
	return err
}

// delim reads a bracket.
func (d *jsonFile) delim(want json.Delim) error {
	token, err := d.Token()
	if err == nil && token != want {
		return d.errorf("byte %d: %.20v where %v should be", d.InputOffset(), token, want)
	}
	return d.explain(err)
}

// text reads a string.
func (d *jsonFile) text() (string, error) {
	token, err := d.Token()
	if err != nil {
		return "", d.explain(err)
	}
	text, ok := token.(string)
	if !ok {
		return "", d.errorf("byte %d: %.20v where a text should be", d.InputOffset(), token)
	}
	return text, nil
}

// value reads any value, and tells where it is.
func (d *jsonFile) value() (raw json.RawMessage, at place, err error) {
	if err = d.Decode(&raw); err != nil {
		return nil, at, d.explain(err)
	}
	return raw, place{d.InputOffset() - int64(len(raw)), len(raw)}, nil
}

// read returns the value at a place.
func (d *jsonFile) read(at place) ([]byte, error) {
	b := make([]byte, at.size)
	_, err := d.file.ReadAt(b, at.offset)
	return b, err
}

// elements calls each for the elements of an array, which it reads.
func (d *jsonFile) elements(each func() error) error { return d.within('[', ']', each) }

// members calls each with the keys of an object; it reads their values.
func (d *jsonFile) members(each func(key string) error) error {
	return d.within('{', '}', func() error {
		key, err := d.text()
		if err != nil {
			return err
		}
		return each(key)
	})
}

func (d *jsonFile) within(opens, closes json.Delim, each func() error) error {
	if err := d.delim(opens); err != nil {
		return err
	}
	for d.More() {
		if err := d.ctx.Err(); err != nil {
			return context.Cause(d.ctx)
		}
		if err := each(); err != nil {
			return err
		}
	}
	return d.delim(closes)
}

// member goes to the value of a key of an object and calls use, which reads it. What follows in
// the file is not looked at. It reports whether the key is there.
func (d *jsonFile) member(key string, use func() error) (found bool, err error) {
	stop := errors.New("found")
	err = d.members(func(name string) error {
		if name != key {
			return d.skip()
		}
		if err := use(); err != nil {
			return err
		}
		return stop
	})
	if err == stop {
		return true, nil
	}
	return false, err
}

// skip passes over a value.
func (d *jsonFile) skip() error {
	for depth := 0; ; {
		token, err := d.Token()
		if err != nil {
			return d.explain(err)
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// unmarshal reads a value of JSON into v.
func unmarshal(raw []byte, v any) error { return metadata.Mismatch(json.Unmarshal(raw, v)) }
