package splitter

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Python's classes in .NET's syntax, for use inside brackets. .NET's own \s
// lacks the information separators, and its \w takes marks and joiners.
const (
	wordClass  = `\p{L}\p{N}_`
	asciiWord  = `a-zA-Z0-9_`
	spaceClass = "\t-\r\x1c-\x20\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
	asciiSpace = "\t-\r\x20"
	digitClass = `\p{Nd}`
	asciiDigit = `0-9`
)

// shorthand returns the class of \w, \s or \d, for use inside brackets.
func shorthand(c rune, f flags) string {
	switch {
	case c == 'w' && f.ascii:
		return asciiWord
	case c == 'w':
		return wordClass
	case c == 's' && f.ascii:
		return asciiSpace
	case c == 's':
		return spaceClass
	case c == 'd' && f.ascii:
		return asciiDigit
	case c == 'd':
		return digitClass
	}
	return ""
}

func isWord(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r)
}

// complements are the classes of the characters that a shorthand does not match,
// made when needed: .NET cannot negate a shorthand among others in brackets.
var complements = sync.OnceValue(func() map[string]func() string {
	return map[string]func() string{
		wordClass:  complement(isWord),
		asciiWord:  complement(func(r rune) bool { return r <= unicode.MaxASCII && isWord(r) }),
		spaceClass: complement(isSpace),
		asciiSpace: complement(func(r rune) bool { return strings.ContainsRune("\t\n\v\f\r ", r) }),
		digitClass: complement(unicode.IsDigit),
		asciiDigit: complement(func(r rune) bool { return '0' <= r && r <= '9' }),
	}
})

// complement returns the characters that a class lacks, for use inside brackets.
func complement(holds func(rune) bool) func() string {
	return sync.OnceValue(func() string {
		var b strings.Builder
		lo := rune(-1)
		for r := rune(0); r <= unicode.MaxRune+1; r++ {
			out := utf8.ValidRune(r) && !holds(r)
			switch {
			case out && lo < 0:
				lo = r
			case !out && lo >= 0:
				writeRange(&b, lo, r-1)
				lo = -1
			}
		}
		return b.String()
	})
}

func writeRange(b *strings.Builder, lo, hi rune) {
	writeMember(b, lo)
	if hi > lo {
		b.WriteByte('-')
		writeMember(b, hi)
	}
}

// writeMember writes a character of a class.
func writeMember(b *strings.Builder, r rune) {
	if strings.ContainsRune(`\]-^[`, r) {
		b.WriteByte('\\')
	}
	b.WriteRune(r)
}

// class reads a class after its opening bracket.
func (p *parser) class(f flags) error {
	var b strings.Builder
	b.WriteByte('[')
	if p.accept("^") {
		b.WriteByte('^')
	}
	for first := true; first || !p.accept("]"); first = false {
		if p.done() {
			return errors.New("unterminated character set")
		}
		if err := p.member(&b, f); err != nil {
			return err
		}
	}
	b.WriteByte(']')
	p.emit(b.String())
	return nil
}

// member reads a character, a range or a shorthand of a class.
func (p *parser) member(b *strings.Builder, f flags) error {
	lo, class, err := p.classItem(f)
	if err != nil {
		return err
	}
	ranged := p.peek("-") && p.pos+1 < len(p.src) && p.src[p.pos+1] != ']'
	if !ranged {
		if class != "" {
			b.WriteString(class)
		} else {
			writeMember(b, lo)
		}
		return nil
	}
	p.pos++
	hi, hiClass, err := p.classItem(f)
	if err != nil {
		return err
	}
	if class != "" || hiClass != "" || hi < lo {
		return errors.New("bad character range")
	}
	writeRange(b, lo, hi)
	return nil
}

// classItem reads one character of a class, or a shorthand as its class.
func (p *parser) classItem(f flags) (r rune, class string, err error) {
	c := p.take()
	if c != '\\' {
		return c, "", nil
	}
	if p.done() {
		return 0, "", errors.New("bad escape at the end")
	}
	c = p.take()
	if class := shorthand(c, f); class != "" {
		return 0, class, nil
	}
	switch {
	case strings.ContainsRune("WSD", c):
		return 0, complements()[shorthand(unicode.ToLower(c), f)](), nil
	case c == 'b':
		return '\b', "", nil
	case c >= '0' && c <= '7':
		p.pos--
		r, err = p.octal(3)
		return r, "", err
	}
	r, err = p.character(c)
	return r, "", err
}

// escape reads what follows a backslash outside a class.
func (p *parser) escape(f flags) (itemKind, error) {
	if p.done() {
		return atom, errors.New("bad escape at the end")
	}
	c := p.take()
	word := shorthand('w', f)
	switch {
	case c == 'A':
		p.emit(`\A`)
	case c == 'Z':
		p.emit(`\z`)
	case c == 'b':
		p.emit(fmt.Sprintf("(?:(?<=[%[1]s])(?![%[1]s])|(?<![%[1]s])(?=[%[1]s]))", word))
	case c == 'B':
		p.emit(fmt.Sprintf("(?:(?<=[%[1]s])(?=[%[1]s])|(?<![%[1]s])(?![%[1]s]))", word))
	default:
		return atom, p.escapedAtom(c, f)
	}
	return assertion, nil
}

func (p *parser) escapedAtom(c rune, f flags) error {
	switch {
	case strings.ContainsRune("wsd", c):
		p.emit("[" + shorthand(c, f) + "]")
		return nil
	case strings.ContainsRune("WSD", c):
		p.emit("[^" + shorthand(unicode.ToLower(c), f) + "]")
		return nil
	case c >= '0' && c <= '9':
		p.pos--
		return p.numbered()
	}
	r, err := p.character(c)
	if err == nil {
		p.literal(r)
	}
	return err
}

// numbered reads a reference to a group, or an octal escape: one that starts
// with 0 or has three octal digits.
func (p *parser) numbered() error {
	digits := 0
	for digits < 3 && p.pos+digits < len(p.src) && p.src[p.pos+digits] >= '0' && p.src[p.pos+digits] <= '9' {
		digits++
	}
	text := string(p.src[p.pos : p.pos+digits])
	if text[0] == '0' || digits == 3 && strings.Trim(text, "01234567") == "" {
		r, err := p.octal(3)
		if err == nil {
			p.literal(r)
		}
		return err
	}
	text = text[:min(digits, 2)]
	p.pos += len(text)
	number, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	return p.reference(number)
}

// octal reads at most n octal digits.
func (p *parser) octal(digits int) (rune, error) {
	value := rune(0)
	for ; digits > 0 && !p.done() && p.src[p.pos] >= '0' && p.src[p.pos] <= '7'; digits-- {
		value = value*8 + p.take() - '0'
	}
	if value > 0o377 {
		return 0, errors.New("octal escape outside of range 0-0o377")
	}
	return value, nil
}

// character reads an escape that stands for one character, after its letter c.
func (p *parser) character(c rune) (rune, error) {
	if i := strings.IndexRune("afnrtv", c); i >= 0 {
		return rune("\a\f\n\r\t\v"[i]), nil
	}
	switch c {
	case 'x':
		return p.hex(2)
	case 'u':
		return p.hex(4)
	case 'U':
		return p.hex(8)
	case 'N':
		return 0, errors.New(`character names are not known here: write \u or \U for \N`)
	}
	if c <= unicode.MaxASCII && (unicode.IsLetter(c) || unicode.IsDigit(c)) {
		return 0, fmt.Errorf(`bad escape \%c`, c)
	}
	return c, nil
}

// hex reads exactly n hexadecimal digits.
func (p *parser) hex(digits int) (rune, error) {
	text := string(p.src[p.pos:min(len(p.src), p.pos+digits)])
	value, err := strconv.ParseUint(text, 16, 32)
	if err != nil || len(text) != digits || !utf8.ValidRune(rune(value)) {
		return 0, fmt.Errorf("incomplete or impossible escape of %d hexadecimal digits", digits)
	}
	p.pos += digits
	return rune(value), nil
}
