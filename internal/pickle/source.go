package pickle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Error is a fault of a pickle.
type Error struct {
	At  int64 // offset in the file
	Err error
}

func (e *Error) Error() string { return fmt.Sprintf("byte %d: %v", e.At, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

const (
	// windowSize is the size of the read buffer.
	windowSize = 64 << 10
	// maxLine limits an argument that is a line, except for a text of protocol 0.
	maxLine = 8 << 10
	// maxText limits one text, as for the records that sheaf ingests.
	maxText = 64 << 20
)

// source reads a file front to back through a buffer. It checks a length against
// the rest of the file before it allocates memory for it.
type source struct {
	r      io.ReaderAt
	size   int64
	pos    int64 // offset of the next byte
	window []byte
	start  int64 // offset of the window
}

// take returns the next n bytes, valid until the next call.
func (s *source) take(n int) ([]byte, error) {
	if int64(n) > s.size-s.pos {
		return nil, &Error{s.size, errors.New("ends too early")}
	}
	if err := s.fill(n); err != nil {
		return nil, err
	}
	b := s.window[s.pos-s.start:][:n]
	s.pos += int64(n)
	return b, nil
}

// fill reads until the window has the next n bytes. The file must have them.
func (s *source) fill(n int) error {
	if at := s.pos - s.start; at >= 0 && at+int64(n) <= int64(len(s.window)) {
		return nil
	}
	size := int(min(int64(max(n, windowSize)), s.size-s.pos))
	if size <= cap(s.window) && (n > windowSize || cap(s.window) <= windowSize) {
		s.window = s.window[:size]
	} else {
		s.window = make([]byte, size)
	}
	s.start = s.pos
	if _, err := io.ReadFull(io.NewSectionReader(s.r, s.pos, int64(size)), s.window); err != nil {
		s.window = s.window[:0]
		return fmt.Errorf("reading at byte %d: %w", s.pos, err)
	}
	return nil
}

// line returns the bytes up to the next line feed, which it skips.
func (s *source) line() ([]byte, error) {
	for n := 128; ; n *= 4 {
		n = int(min(int64(n), s.size-s.pos))
		if err := s.fill(n); err != nil {
			return nil, err
		}
		rest := s.window[s.pos-s.start:]
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			s.pos += int64(end) + 1
			return rest[:end], nil
		}
		switch {
		case int64(len(rest)) >= s.size-s.pos:
			return nil, &Error{s.size, errors.New("ends within a line")}
		case n > maxText:
			return nil, &Error{s.pos, fmt.Errorf("a line of more than %d bytes", maxText)}
		}
	}
}
