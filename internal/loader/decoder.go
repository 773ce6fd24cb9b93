package loader

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/transform"
)

var replacement = []byte(string(utf8.RuneError))

// decoder is a transformer to UTF-8 that stops at the first byte that has no meaning in its encoding. Those of x/text
// write U+FFFD and go on, so that damaged text would be stored unnoticed.
type decoder struct {
	charset
	guessed bool
	dec     transform.Transformer
	// genuine is the encoded form of U+FFFD, empty where the encoding has none: a text may hold that character.
	genuine []byte
	offset  int64 // of src in the file
}

func newDecoder(c charset, guessed bool) *decoder {
	d := &decoder{charset: c, guessed: guessed}
	d.genuine, _ = c.enc.NewEncoder().Bytes(replacement)
	d.Reset()
	return d
}

// Reset implements [transform.Transformer].
func (d *decoder) Reset() {
	d.dec = d.enc.NewDecoder()
	d.offset = int64(d.bom)
}

// Transform implements [transform.Transformer].
func (d *decoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	nDst, nSrc, err = d.dec.Transform(dst, src, atEOF)
	if at := d.invalid(dst[:nDst], src); at >= 0 {
		return 0, 0, &EncodingError{Encoding: d.name, Offset: d.offset + int64(at), Guessed: d.guessed}
	}
	d.offset += int64(nSrc)
	return nDst, nSrc, err
}

// invalid returns the offset in src of the first byte that was decoded to a U+FFFD that the text does not hold, or -1.
// Transformers do not say where in src they wrote it: the text before it is decoded again, into a buffer of its length.
func (d *decoder) invalid(decoded, src []byte) int {
	for base := 0; ; {
		i := bytes.Index(decoded, replacement)
		if i < 0 {
			return -1
		}
		_, at, _ := d.enc.NewDecoder().Transform(make([]byte, i), src[base:], false)
		base += at
		if len(d.genuine) == 0 || !bytes.HasPrefix(src[base:], d.genuine) {
			return base
		}
		base += len(d.genuine)
		decoded = decoded[i+len(replacement):]
	}
}

// decode returns a whole text as UTF-8, without its byte order mark.
func (c charset) decode(data []byte, guessed bool) ([]byte, error) {
	data = data[c.bom:]
	if c.enc == nil {
		if bad := invalidUTF8(data); bad >= 0 {
			return nil, &EncodingError{Encoding: c.name, Offset: int64(c.bom + bad), Guessed: guessed}
		}
		return data, nil
	}
	text, _, err := transform.Bytes(newDecoder(c, guessed), data)
	return text, err
}

// universalNewlines replaces "\r\n" and "\r" by "\n", as Python does for files in text mode and so for LangChain.
func universalNewlines(text []byte) []byte {
	if bytes.IndexByte(text, '\r') < 0 {
		return text
	}
	out := text[:0]
	for i, b := range text {
		switch {
		case b != '\r':
			out = append(out, b)
		case i+1 == len(text) || text[i+1] != '\n':
			out = append(out, '\n')
		}
	}
	return out
}
