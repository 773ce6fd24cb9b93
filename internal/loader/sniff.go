package loader

import (
	"bytes"
	"errors"
	"io"
	"os"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// sniffSize is how many bytes at the beginning of a file tell text from binary: git looks at as many.
const sniffSize = 8000

// magics are the first bytes of files that are not text, although they may have no zero byte in their first block.
var magics = []string{
	"%PDF-", "PK\x03\x04", "\x1f\x8b\x08", "BZh", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd", "7z\xbc\xaf\x27\x1c", "Rar!\x1a\x07",
	"\x89PNG\r\n\x1a\n", "\xff\xd8\xff", "GIF87a", "GIF89a", "OggS", "fLaC", "\x7fELF", "\x00asm", "wOFF", "wOF2",
	"SQLite format 3\x00",
}

// readHead reads the first bytes of a file into head, and returns the part of it that was read.
func readHead(file string, head []byte) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	return head[:n], nil
}

// isBinary reports whether a file that begins with head is not text. encoding is the one that the user gave, or "".
func isBinary(head []byte, encoding string) bool {
	for _, magic := range magics {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	if isWide(encoding) {
		return false
	}
	if bytes.IndexByte(head, 0) < 0 {
		return encoding == "" && isNoise(head)
	}
	if b, found := findBOM(head); found {
		return !isWide(b.name)
	}
	return guessUTF16(head) == ""
}

// isNoise reports whether bytes without a zero are not text, such as a short encrypted file: they are not UTF-8, and more
// than one in 32 is a control character that is not found in texts.
func isNoise(head []byte) bool {
	controls := 0
	for _, b := range head {
		if b < ' ' && !isBlankControl(rune(b)) && !bytes.ContainsRune([]byte("\b\x0e\x0f\x1a"), rune(b)) {
			controls++
		}
	}
	return controls > len(head)/32 && !utf8.Valid(head)
}

// guessUTF16 tells text in UTF-16 without a byte order mark from binary data by three signs: there are more zero bytes
// on one side of the pairs than on the other, every pair is a printable character, and those without a zero are not
// mostly two ASCII bytes, as in short strings between zero bytes. The answer is "utf-16le", "utf-16be" or "".
func guessUTF16(data []byte) string {
	head := data[:min(len(data), sniffSize)]
	if len(head)%2 != 0 {
		return ""
	}
	var zeros [2]int
	full, ascii := 0, 0
	for i := 0; i < len(head); i += 2 {
		switch a, b := head[i], head[i+1]; {
		case a == 0:
			zeros[0]++
		case b == 0:
			zeros[1]++
		default:
			full++
			if isASCIIText(a) && isASCIIText(b) {
				ascii++
			}
		}
	}
	if zeros[0] == zeros[1] || 2*ascii > full {
		return ""
	}
	name, high := "utf-16le", 1
	if zeros[0] > zeros[1] {
		name, high = "utf-16be", 0
	}
	if !isUTF16Text(head, high) {
		return ""
	}
	return name
}

func isASCIIText(b byte) bool { return b >= ' ' && b < 0x7f || b == '\n' || b == '\t' || b == '\r' }

// isUTF16Text reports whether pairs of bytes, the high byte at the given side, are text.
func isUTF16Text(data []byte, high int) bool {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = uint16(data[2*i+high])<<8 | uint16(data[2*i+1-high])
	}
	if n := len(units); n > 0 && utf16.IsSurrogate(rune(units[n-1])) { // a pair may be cut in two
		units = units[:n-1]
	}
	for _, r := range utf16.Decode(units) {
		if r == unicode.ReplacementChar || !unicode.IsGraphic(r) && !unicode.Is(unicode.Cf, r) && !isBlankControl(r) {
			return false
		}
	}
	return true
}

// isBlankControl reports whether a control character is found in texts.
func isBlankControl(r rune) bool { return r >= '\t' && r <= '\r' || r == '\x1b' }
