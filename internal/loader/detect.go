package loader

import (
	"bytes"
	"cmp"
	"errors"
	"regexp"
	"slices"
	"unicode/utf8"

	"github.com/wlynxg/chardet"
)

// sampleSize is how many bytes, of lines that are not ASCII, are looked at to find an encoding.
const sampleSize = 256 << 10

// How sure a guess must be. Alphabets give the share of letters that a language has; the detector its confidence. A
// guess under certain is reported, one under possible is none.
const (
	certainLetters, possibleLetters   = 0.95, 0.8
	certainDetector, possibleDetector = 0.8, 0.5
)

// detectCharset finds the encoding of a text from its first bytes, or from all of it when whole is true.
func detectCharset(data []byte, whole bool) (charset, error) {
	if c, found := findBOM(data); found {
		return c, nil
	}
	if bytes.IndexByte(data[:min(len(data), sniffSize)], 0) >= 0 {
		if name := guessUTF16(data); name != "" {
			return charset{name: name, enc: wideEncodings[name]}, nil
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
	sequence *regexp.Regexp
}{
	{"iso-2022-jp", regexp.MustCompile(`\x1b\$[@B](?:[!-~]{2})+\x1b\([BJ]`)},
	{"hz-gb-2312", regexp.MustCompile(`~\{(?:[!-w][!-~])+~\}`)},
}

// detectEscaped finds the encoding of data that is valid UTF-8.
func detectEscaped(data []byte) charset {
	for _, e := range escapedEncodings {
		if !e.sequence.Match(data) {
			continue
		}
		if c, err := findCharset(e.name); err == nil && makesText(c, data) {
			return c
		}
	}
	return charset{name: "utf-8"}
}

// detectLegacy finds the encoding of data that is not UTF-8. Latin and Arabic letters are recognised by the alphabets of
// languages, all others by the detector, which has no models of those.
func detectLegacy(data []byte) (charset, bool) {
	if isDamagedUTF8(data) {
		return charset{}, false
	}
	text := sample(data)
	letters, share := detectByAlphabet(text)
	if share < certainLetters {
		if c, ok := detectByModel(text); ok {
			return c, true
		}
	}
	return letters, share >= possibleLetters
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

// detectByModel asks the detector. What it finds must make text of the sample.
func detectByModel(text []byte) (charset, bool) {
	results := chardet.DetectAll(text)
	slices.SortStableFunc(results, func(a, b chardet.Result) int {
		return cmp.Or(cmp.Compare(b.Confidence, a.Confidence), cmp.Compare(a.Charset, b.Charset))
	})
	for _, r := range results {
		name := canonical(r.Charset)
		switch name {
		case "gb2312":
			name = "gb18030" // which has all of it
		case "koi8-r":
			name = "koi8-u" // with Ukrainian letters in place of lines of boxes
		case "x-mac-cyrillic":
			name = "windows-1251" // its small letters are the same, and it is far more common
		}
		c, err := findCharset(name)
		if err != nil || r.Confidence < possibleDetector || hasAlphabets(c) || !makesText(c, text) {
			continue
		}
		c.uncertain = r.Confidence < certainDetector
		return c, true
	}
	return charset{}, false
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
