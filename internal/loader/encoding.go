package loader

import (
	"bytes"
	"fmt"

	"golang.org/x/text/encoding"
)

// EncodingError is the error of input with bytes that have no meaning in its encoding.
type EncodingError struct {
	Encoding string
	Offset   int64 // of the first wrong byte in the file
	Guessed  bool  // nobody named the encoding
}

func (e *EncodingError) Error() string {
	if e.Guessed {
		return fmt.Sprintf("not %s: invalid byte at offset %d, and no other encoding is recognised (name it with --encoding)",
			e.Encoding, e.Offset)
	}
	return fmt.Sprintf("not %s: invalid byte at offset %d", e.Encoding, e.Offset)
}

// charset is an encoding of a text.
type charset struct {
	name string
	enc  encoding.Encoding // nil: the bytes are UTF-8 as they are
	bom  int               // bytes at the beginning that are not text

	uncertain bool // it was guessed, and another encoding is nearly as likely
}

var boms = []struct {
	mark string
	name string
}{
	{"\xef\xbb\xbf", "utf-8"},
	{"\xff\xfe\x00\x00", "utf-32le"}, // before UTF-16, whose mark is the beginning of this one
	{"\x00\x00\xfe\xff", "utf-32be"},
	{"\xff\xfe", "utf-16le"},
	{"\xfe\xff", "utf-16be"},
}

// ValidEncoding returns an error for the name of an encoding that text cannot be read in. Names are those of the IANA register, of browsers
// and of Python, in any case: "utf-8", "utf-16", "latin1", "cp1250", "iso8859_2", "shift_jis", "gb18030".
func ValidEncoding(name string) error {
	_, err := findCharset(name)
	return err
}

// findBOM returns the encoding that a byte order mark at the beginning of a file stands for.
func findBOM(head []byte) (charset, bool) {
	for _, b := range boms {
		if bytes.HasPrefix(head, []byte(b.mark)) {
			return charset{name: b.name, enc: wide(b.name), bom: len(b.mark)}, true
		}
	}
	return charset{}, false
}

// forcedCharset returns the encoding that the user named. A byte order mark is not part of the text, and tells the byte
// order of "utf-16" and "utf-32".
func forcedCharset(name string, head []byte) (charset, error) {
	c, err := findCharset(name)
	if err != nil {
		return c, err
	}
	b, found := findBOM(head)
	if found && (b.name == c.name || b.name == c.name+"le" || b.name == c.name+"be") {
		return b, nil
	}
	return c, nil
}
