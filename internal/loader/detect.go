package loader

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"sync"
	"unicode/utf8"
)

// sampleSize is how many bytes, of lines that are not ASCII, are looked at to find an encoding.
const sampleSize = 256 << 10

// How sure a guess must be. Alphabets give the share of letters that a language has, writings how near the share of
// frequent characters comes to what is usual. A guess under certain is reported, one under possible is none.
const (
	certainLetters, possibleLetters = 0.95, 0.8
	certainWriting, possibleWriting = 0.8, 0.6
)

// detectCharset finds the encoding of a text from its first bytes, or from all of it when whole is true.
func detectCharset(data []byte, whole bool) (charset, error) {
	if c, found := findBOM(data); found {
		return c, nil
	}
	if bytes.IndexByte(data[:min(len(data), sniffSize)], 0) >= 0 {
		if name := guessUTF16(data); name != "" {
			return charset{name: name, enc: wide(name)}, nil
		}
	}
	bad := invalidUTF8(data)
	if bad < 0 || !whole && !utf8.FullRune(data[bad:]) {
		return detectEscaped(data), nil
	}
	if c, ok := detectLegacy(data); ok {
		return c, nil
	}
	return charset{}, &EncodingError{Encoding: "UTF-8", Offset: int64(bad), Guessed: true}
}

// The encodings that write other characters as escape sequences of ASCII, and what each of them has when it is used.
var escapedEncodings = []struct {
	name     string
	sequence func() *regexp.Regexp
}{
	{"iso-2022-jp", sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\x1b\$[@B](?:[!-~]{2})+\x1b\([BJ]`) })},
	{"hz-gb-2312", sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`~\{(?:[!-w][!-~])+~\}`) })},
}

// detectEscaped finds the encoding of data that is valid UTF-8.
func detectEscaped(data []byte) charset {
	for _, e := range escapedEncodings {
		if !e.sequence().Match(data) {
			continue
		}
		if c, err := findCharset(e.name); err == nil && makesText(c, data) {
			return c
		}
	}
	return charset{name: "utf-8"}
}

// detectLegacy finds the encoding of data that is not UTF-8. Latin and Arabic letters are recognised by the alphabets of
// languages, all others by what is frequent in their writing.
func detectLegacy(data []byte) (charset, bool) {
	if isDamagedUTF8(data) {
		return charset{}, false
	}
	text := sample(data)
	c, share := detectByAlphabet(text)
	found := share >= possibleLetters
	if share < certainLetters {
		if writing, ok := detectByWriting(text); ok {
			c, found = writing, true
		}
	}
	c.uncertain = c.uncertain || hasUTF8Line(text)
	return c, found
}

// hasUTF8Line reports whether a line has several characters of UTF-8 and no other bytes beyond ASCII, as in a mailbox
// whose messages have different encodings.
func hasUTF8Line(sample []byte) bool {
	for line := range bytes.Lines(sample) {
		if utf8.Valid(line) && utf8.RuneCount(line) < len(line)-1 {
			return true
		}
	}
	return false
}

// sample returns the lines that are not ASCII: the others say nothing about the encoding.
func sample(data []byte) []byte {
	var lines []byte
	for line := range bytes.Lines(data) {
		if len(lines) >= sampleSize {
			break
		}
		if slices.ContainsFunc(line, func(b byte) bool { return b >= utf8.RuneSelf }) {
			lines = append(lines, line[:min(len(line), sampleSize)]...)
		}
	}
	return lines
}

// isDamagedUTF8 reports whether data has more characters of UTF-8 than bytes that are not: in another encoding it would
// hardly have any, and reading it in one would damage all of it.
func isDamagedUTF8(data []byte) bool {
	characters, wrong := 0, 0
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && size == 1:
			wrong++
		case size > 1:
			characters++
		}
		data = data[size:]
	}
	return characters > wrong
}

// makesText reports whether a sample, perhaps cut within a character, becomes text without control characters.
func makesText(c charset, sample []byte) bool {
	text, err := c.decodeSample(sample)
	return err == nil && !bytes.ContainsFunc(text, func(r rune) bool {
		return r < ' ' && !isBlankControl(r) && r != '\b' || r >= 0x7f && r < 0xa0 && r != 0x85
	})
}

// decodeSample decodes a sample that may end within a character.
func (c charset) decodeSample(sample []byte) ([]byte, error) {
	d := newDecoder(c, false)
	dst := make([]byte, 3*len(sample)+utf8.UTFMax)
	n, _, err := d.Transform(dst, sample, false)
	if wrong := (*EncodingError)(nil); errors.As(err, &wrong) {
		return nil, err
	}
	return dst[:n], nil
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}
