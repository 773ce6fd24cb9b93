package wordpiece

// The classes of bytes, after BERT's clean-up and pre-tokenizer.
const (
	letter      = iota // also digits
	space              // tab, newline, carriage return and blank only
	punctuation        // every other printable character
	control
	wide // part of a character beyond ASCII
)

var byteClass = func() (class [256]uint8) {
	for c := range class {
		switch {
		case c >= 0x80:
			class[c] = wide
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			class[c] = space
		case c < ' ' || c == 0x7f:
			class[c] = control
		case '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z':
			class[c] = letter
		default:
			class[c] = punctuation
		}
	}
	return class
}()

// lower returns the lower case of an ASCII letter, or c.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
