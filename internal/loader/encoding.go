package loader

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/saintfish/chardet"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// sampleSize is how many bytes around the first strange one are shown to the detector of encodings.
const sampleSize = 64 << 10

// EncodingError is input that is not in the encoding that it was read in.
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

// charset is a way to turn bytes into UTF-8.
type charset struct {
	name string
	enc  encoding.Encoding // nil: the bytes are UTF-8 as they are
	bom  int               // bytes at the beginning that are not text
}

var boms = []struct {
	mark string
	name string
}{
	{"\xef\xbb\xbf", "utf-8"},
	{"\xff\xfe\x00\x00", "utf-32le"}, // before UTF-16, whose mark it begins with
	{"\x00\x00\xfe\xff", "utf-32be"},
	{"\xff\xfe", "utf-16le"},
	{"\xfe\xff", "utf-16be"},
}

// wideEncodings are the ones that write letters with zero bytes. Byte order marks are taken off elsewhere.
var wideEncodings = map[string]encoding.Encoding{
	"utf-16":   unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM),
	"utf-16le": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM),
	"utf-16be": unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
	"utf-32":   utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM),
	"utf-32le": utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM),
	"utf-32be": utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM),
}

// encodingAliases are spellings that Python knows and the registers do not, or that the detector uses.
var encodingAliases = map[string]string{
	"utf8": "utf-8", "utf-8-sig": "utf-8",
	"utf16": "utf-16", "utf-16-le": "utf-16le", "utf-16-be": "utf-16be",
	"utf32": "utf-32", "utf-32-le": "utf-32le", "utf-32-be": "utf-32be",
	"latin-1": "iso-8859-1", "gb-18030": "gb18030",
}

// ValidEncoding reports an encoding name that text cannot be read in. Names are those of the IANA register, of browsers
// and the common ones of Python, in any case: "utf-8", "utf-16", "latin1", "windows-1252", "shift_jis", "gb18030".
func ValidEncoding(name string) error {
	_, err := findCharset(name)
	return err
}

func isWide(name string) bool {
	_, wide := wideEncodings[canonical(name)]
	return wide
}

func canonical(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	if alias, ok := encodingAliases[strings.ReplaceAll(name, "_", "-")]; ok {
		return alias
	}
	return name
}

func findCharset(name string) (charset, error) {
	c := charset{name: canonical(name)}
	if c.name == "utf-8" {
		return c, nil
	}
	if enc, ok := wideEncodings[c.name]; ok {
		c.enc = enc
		return c, nil
	}
	var err error
	if c.enc, err = ianaindex.IANA.Encoding(c.name); err != nil || c.enc == nil {
		c.enc, err = htmlindex.Get(c.name)
	}
	if err != nil || c.enc == encoding.Replacement {
		return charset{}, fmt.Errorf("unknown encoding %q (known are utf-8, utf-16, latin1, windows-1252, windows-1251, shift_jis, gb18030, …)", name)
	}
	return c, nil
}

// findBOM reads the byte order mark at the beginning of a file.
func findBOM(head []byte) (charset, bool) {
	for _, b := range boms {
		if bytes.HasPrefix(head, []byte(b.mark)) {
			return charset{name: b.name, enc: wideEncodings[b.name], bom: len(b.mark)}, true
		}
	}
	return charset{}, false
}

// forcedCharset is the encoding that the user named. A byte order mark is not text, and "utf-16" leaves it to the mark
// which of the two it is.
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
		return charset{name: "utf-8"}, nil
	}
	start := max(0, bad-sampleSize/2)
	sample := data[start:min(len(data), start+sampleSize)]
	if c, ok := detectLegacy(sample); ok {
		return c, nil
	}
	return charset{}, &EncodingError{Encoding: "UTF-8", Offset: int64(bad), Guessed: true}
}

// noEvidence is the confidence that the detector has in encodings that a sample neither supports nor contradicts.
const noEvidence = 10

// detectLegacy finds an encoding that makes text of a sample that is not UTF-8. Short samples give the detector little
// to go by: windows-1252, what most such files are in, is the last that is tried. A sample that is UTF-8 but for a few
// bytes is damaged, and any other reading would damage all of it.
func detectLegacy(sample []byte) (charset, bool) {
	results, err := chardet.NewTextDetector().DetectAll(sample)
	if err != nil {
		results = nil
	}
	results = slices.DeleteFunc(results, func(r chardet.Result) bool { return r.Confidence <= noEvidence })
	// The detector's own order of equals differs from run to run.
	slices.SortFunc(results, func(a, b chardet.Result) int {
		return cmp.Or(cmp.Compare(b.Confidence, a.Confidence), cmp.Compare(a.Charset, b.Charset))
	})
	if slices.ContainsFunc(results, func(r chardet.Result) bool { return r.Charset == "UTF-8" }) {
		return charset{}, false
	}
	for _, r := range append(results, chardet.Result{Charset: "windows-1252"}) {
		if c, err := findCharset(r.Charset); err == nil && makesText(c, sample) {
			return c, true
		}
	}
	return charset{}, false
}

// makesText reports whether a sample, perhaps cut within a character, becomes text without control characters.
func makesText(c charset, sample []byte) bool {
	d := newDecoder(c, false)
	dst := make([]byte, 3*len(sample)+utf8.UTFMax)
	n, _, err := d.Transform(dst, sample, false)
	var wrong *EncodingError
	if errors.As(err, &wrong) {
		return false
	}
	return !bytes.ContainsFunc(dst[:n], func(r rune) bool {
		return r < ' ' && !isBlankControl(r) && r != '\b' || r >= 0x7f && r < 0xa0 && r != 0x85
	})
}

// invalidUTF8 is the offset of the first byte that is not UTF-8, or -1.
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
