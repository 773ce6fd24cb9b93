package pickle

import (
	"bytes"
	"fmt"
	"io"
)

// Error says what is wrong with a pickle, and where.
type Error struct {
	At      int64 // the byte in the file
	Problem string
}

func (e *Error) Error() string { return fmt.Sprintf("byte %d: %s", e.At, e.Problem) }

const (
	// windowSize is how much of the file is held at once.
	windowSize = 64 << 10
	// maxLine bounds an argument that is a line of text, but for the texts of
	// protocol 0.
	maxLine = 8 << 10
	// maxText bounds one text, as it does for the records that sheaf ingests.
	maxText = 64 << 20
)

// source reads a file front to back through a window. A length is checked
// against what the file has before anything is allocated for it.
type source struct {
	r      io.ReaderAt
	size   int64
	pos    int64 // of the next byte
	window []byte
	start  int64 // of the window
}

// take returns the next n bytes, valid until the next call.
func (s *source) take(n int) ([]byte, error) {
	if int64(n) > s.size-s.pos {
		return nil, &Error{s.size, "ends too early"}
	}
	if err := s.hold(n); err != nil {
		return nil, err
	}
	b := s.window[s.pos-s.start:][:n]
	s.pos += int64(n)
	return b, nil
}

// hold makes the window hold the next n bytes, which the file has.
func (s *source) hold(n int) error {
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

// line returns the text up to the next line feed, without it.
func (s *source) line() ([]byte, error) {
	for n := 128; ; n *= 4 {
		n = int(min(int64(n), s.size-s.pos))
		if err := s.hold(n); err != nil {
			return nil, err
		}
		held := s.window[s.pos-s.start:]
		if end := bytes.IndexByte(held, '\n'); end >= 0 {
			s.pos += int64(end) + 1
			return held[:end], nil
		}
		switch {
		case int64(len(held)) >= s.size-s.pos:
			return nil, &Error{s.size, "ends within a line"}
		case n > maxText:
			return nil, &Error{s.pos, fmt.Sprintf("a line of more than %d bytes", maxText)}
		}
	}
}
