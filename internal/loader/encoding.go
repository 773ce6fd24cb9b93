package loader

import (
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
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

// wideEncodings are the encodings in which letters have zero bytes. findBOM deals with byte order marks.
var wideEncodings = map[string]encoding.Encoding{
	"utf-16":   unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM),
	"utf-16le": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM),
	"utf-16be": unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
	"utf-32":   utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM),
	"utf-32le": utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM),
	"utf-32be": utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM),
}

// encodingAliases are names that Python or the detector uses and the registers do not know.
var encodingAliases = map[string]string{
	"utf8": "utf-8", "u8": "utf-8", "utf-8-sig": "utf-8",
	"utf16": "utf-16", "utf-16-le": "utf-16le", "utf-16-be": "utf-16be",
	"utf32": "utf-32", "utf-32-le": "utf-32le", "utf-32-be": "utf-32be",
	"ascii": "us-ascii", "latin-1": "iso-8859-1", "latin": "iso-8859-1", "8859": "iso-8859-1", "latin9": "iso-8859-15", "latin10": "iso-8859-16",
	"cp858": "ibm00858", "858": "ibm00858", "cp1140": "ibm01140", "1140": "ibm01140",
	"gb-18030": "gb18030", "cp936": "gbk", "936": "gbk", "hz": "hz-gb-2312", "hz-gb": "hz-gb-2312", "hzgb": "hz-gb-2312",
	"cp932": "shift_jis", "932": "shift_jis", "ms932": "shift_jis", "mskanji": "shift_jis", "sjis": "shift_jis",
	"cp949": "euc-kr", "949": "euc-kr", "uhc": "euc-kr", "cp950": "big5", "950": "big5", "big5-tw": "big5",
	"eucjp": "euc-jp", "ujis": "euc-jp", "euckr": "euc-kr", "iso2022-jp": "iso-2022-jp", "iso2022jp": "iso-2022-jp",
	"cp874": "windows-874", "tis-620": "windows-874", "iso8859-11": "windows-874", "thai": "windows-874",
	"mac-roman": "macintosh", "macroman": "macintosh", "mac-cyrillic": "x-mac-cyrillic", "maccyrillic": "x-mac-cyrillic",
}

// ValidEncoding returns an error for the name of an encoding that text cannot be read in. Names are those of the IANA register, of browsers
// and of Python, in any case: "utf-8", "utf-16", "latin1", "cp1250", "iso8859_2", "shift_jis", "gb18030".
func ValidEncoding(name string) error {
	_, err := findCharset(name)
	return err
}

func isWide(name string) bool {
	_, wide := wideEncodings[canonical(name)]
	return wide
}

// canonical returns the name that the registers or wideEncodings have for an encoding.
func canonical(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	dashed := strings.ReplaceAll(name, "_", "-")
	if alias, ok := encodingAliases[dashed]; ok {
		return alias
	}
	if _, ok := wideEncodings[dashed]; ok {
		return dashed
	}
	if number, ok := strings.CutPrefix(dashed, "iso8859-"); ok {
		return "iso-8859-" + number
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
	for _, spelling := range []string{c.name, strings.ReplaceAll(c.name, "_", "-")} {
		if c.enc = registered(spelling); c.enc != nil {
			break
		}
	}
	if c.enc == nil {
		return charset{}, fmt.Errorf("unknown encoding %q (known are utf-8, utf-16, latin1, windows-1252, windows-1251, shift_jis, gb18030, …)", name)
	}
	return c, nil
}

// registered returns the encoding with a name in the IANA register or of browsers, nil where there is none.
func registered(name string) encoding.Encoding {
	enc, err := ianaindex.IANA.Encoding(name)
	if err != nil || enc == nil {
		enc, err = htmlindex.Get(name)
	}
	if err != nil || enc == encoding.Replacement {
		return nil
	}
	return enc
}

// findBOM returns the encoding that a byte order mark at the beginning of a file stands for.
func findBOM(head []byte) (charset, bool) {
	for _, b := range boms {
		if bytes.HasPrefix(head, []byte(b.mark)) {
			return charset{name: b.name, enc: wideEncodings[b.name], bom: len(b.mark)}, true
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
