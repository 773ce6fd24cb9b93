package loader

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/simplifiedchinese"
	utf16 "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/runes"
)

// wide returns the encoding of a name in which letters have zero bytes, or nil. findBOM deals with byte order marks.
func wide(name string) encoding.Encoding {
	switch name {
	case "utf-16", "utf-16le":
		return utf16.UTF16(utf16.LittleEndian, utf16.IgnoreBOM)
	case "utf-16be":
		return utf16.UTF16(utf16.BigEndian, utf16.IgnoreBOM)
	case "utf-32", "utf-32le":
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)
	case "utf-32be":
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)
	}
	return nil
}

func isWide(name string) bool { return wide(canonical(name)) != nil }

// canonical returns the name that registered or wide knows an encoding by.
func canonical(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	dashed := strings.ReplaceAll(name, "_", "-")
	switch dashed { // names that Python or the detector uses and no register knows
	case "utf8", "u8", "utf-8-sig":
		return "utf-8"
	case "utf16":
		return "utf-16"
	case "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be":
		return dashed[:6] + dashed[7:]
	case "utf32":
		return "utf-32"
	case "latin-1", "latin", "8859":
		return "iso-8859-1"
	case "latin9", "latin-9":
		return "iso-8859-15"
	case "gb-18030":
		return "gb18030"
	case "936":
		return "gbk"
	case "hz", "hz-gb", "hzgb":
		return "hz-gb-2312"
	case "cp932", "932", "ms932", "mskanji", "sjis":
		return "shift_jis"
	case "cp949", "949", "uhc", "euckr":
		return "euc-kr"
	case "cp950", "950", "big5-tw":
		return "big5"
	case "eucjp", "ujis", "extended-unix-code-packed-format-for-japanese":
		return "euc-jp"
	case "iso2022-jp", "iso2022jp":
		return "iso-2022-jp"
	case "cp874", "tis-620", "iso8859-11", "thai":
		return "windows-874"
	case "mac-roman", "macroman":
		return "macintosh"
	case "mac-cyrillic", "maccyrillic":
		return "x-mac-cyrillic"
	}
	if number, ok := strings.CutPrefix(dashed, "iso8859-"); ok {
		return "iso-8859-" + number
	}
	if wide(dashed) != nil {
		return dashed
	}
	return name
}

func findCharset(name string) (charset, error) {
	c := charset{name: canonical(name)}
	if c.name == "utf-8" {
		return c, nil
	}
	if c.enc = wide(c.name); c.enc != nil {
		return c, nil
	}
	for _, spelling := range []string{c.name, strings.ReplaceAll(c.name, "_", "-")} {
		if c.enc = registered(spelling); c.enc != nil {
			return c, nil
		}
	}
	return charset{}, fmt.Errorf("unknown encoding %q (known are utf-8, utf-16, latin1, windows-1252, windows-1251, shift_jis, gb18030, …)", name)
}

// registered returns the encoding with a name of browsers or in the IANA register, nil where there is none. Browsers
// read some names of the register as other encodings, and lack some; golang.org/x/text has them in a package whose
// tables are made when the program starts, in a tenth of a millisecond.
func registered(name string) encoding.Encoding {
	switch name {
	case "us-ascii", "ascii", "ansi_x3.4-1968", "ansi_x3.4-1986", "iso_646.irv:1991", "iso646-us", "iso-ir-6", "us", "ibm367", "cp367", "csascii":
		return ascii{}
	case "iso-8859-1", "iso_8859-1", "iso_8859-1:1987", "iso8859-1", "iso88591", "iso-ir-100", "latin1", "l1", "ibm819", "cp819", "csisolatin1":
		return charmap.ISO8859_1
	case "iso-8859-9", "iso_8859-9", "iso_8859-9:1989", "iso8859-9", "iso88599", "iso-ir-148", "latin5", "l5", "csisolatin5":
		return charmap.ISO8859_9
	case "iso-8859-6-e", "iso_8859-6-e", "csiso88596e":
		return charmap.ISO8859_6E
	case "iso-8859-6-i", "iso_8859-6-i", "csiso88596i":
		return charmap.ISO8859_6I
	case "iso-8859-8-e", "iso_8859-8-e", "csiso88598e":
		return charmap.ISO8859_8E
	case "iso-ir-199", "iso_8859-14", "iso_8859-14:1998", "latin8", "iso-celtic", "l8":
		return charmap.ISO8859_14
	case "iso-ir-226", "iso_8859-16", "iso_8859-16:2001", "latin10", "l10":
		return charmap.ISO8859_16
	case "cp936", "ms936", "windows-936":
		return simplifiedchinese.GBK
	case "hz-gb-2312":
		return simplifiedchinese.HZGB2312
	}
	if enc := codePage(name); enc != nil {
		return enc
	}
	if enc, err := htmlindex.Get(name); err == nil && enc != encoding.Replacement {
		return enc
	}
	return nil
}

// codePage returns IBM's code page with a number, as "cp437", "ibm437" or "437".
func codePage(name string) encoding.Encoding {
	for _, prefix := range []string{"cs", "cp", "ibm", "ccsid", "-", "0", "0"} {
		name = strings.TrimPrefix(name, prefix)
	}
	switch name {
	case "37":
		return charmap.CodePage037
	case "437":
		return charmap.CodePage437
	case "850":
		return charmap.CodePage850
	case "852":
		return charmap.CodePage852
	case "855":
		return charmap.CodePage855
	case "858":
		return charmap.CodePage858
	case "860":
		return charmap.CodePage860
	case "862":
		return charmap.CodePage862
	case "863":
		return charmap.CodePage863
	case "865":
		return charmap.CodePage865
	case "1047":
		return charmap.CodePage1047
	case "1140":
		return charmap.CodePage1140
	}
	return nil
}

// ascii is US-ASCII.
type ascii struct{}

func (ascii) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: runes.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return utf8.RuneError
		}
		return r
	})}
}

// NewEncoder encodes what ASCII has; the other characters of Latin-1 are of no concern to readers.
func (ascii) NewEncoder() *encoding.Encoder { return charmap.ISO8859_1.NewEncoder() }

func (ascii) String() string { return "US-ASCII" }
