package splitter

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/dlclark/regexp2/v2"
)

// A translation is a regular expression for regexp2, which reads .NET's syntax.
type translation struct {
	expr    string
	options regexp2.RegexOptions
	groups  int // capture groups
}

// translate turns an expression of Python's re into one with the same meaning
// for regexp2. It refuses what Python 3.11 refuses, except lookbehinds of
// varying width, which it allows. Groups lose their names, for .NET numbers named
// groups after all others.
func translate(source string) (translation, error) {
	p := &parser{src: []rune(source), names: map[string]int{}}
	f, err := p.globalFlags()
	if err == nil {
		err = p.alternatives(f)
	}
	if err == nil && !p.done() {
		err = errors.New("unbalanced parenthesis")
	}
	if err == nil {
		err = p.checkConditions()
	}
	if err != nil {
		return translation{}, fmt.Errorf("%w at position %d", err, p.pos)
	}
	return translation{expr: string(p.out), options: f.options(), groups: p.groups}, nil
}

// flags are the inline flags of an expression. ASCII and verbose are resolved
// by the parser, the others go to regexp2.
type flags struct {
	ignoreCase, multiline, dotAll, ascii, verbose bool
}

func (f flags) options() regexp2.RegexOptions {
	options := regexp2.None
	if f.ignoreCase {
		options |= regexp2.IgnoreCase
	}
	if f.multiline {
		options |= regexp2.Multiline
	}
	if f.dotAll {
		options |= regexp2.Singleline
	}
	return options
}

// set turns one flag on or off.
func (f *flags) set(letter rune, on bool) error {
	switch letter {
	case 'i':
		f.ignoreCase = on
	case 'm':
		f.multiline = on
	case 's':
		f.dotAll = on
	case 'x':
		f.verbose = on
	case 'a':
		f.ascii = true
	case 'u':
		f.ascii = false
	case 'L':
		return errors.New("cannot use flag L, which is for bytes, in a text pattern")
	default:
		return fmt.Errorf("unknown flag %q", letter)
	}
	if !on && (letter == 'a' || letter == 'u') {
		return fmt.Errorf("cannot turn off flag %q", letter)
	}
	return nil
}

// group returns the opening of a .NET group with these flags.
func (f flags) group() string {
	on, off := "", ""
	for _, flag := range []struct {
		letter string
		set    bool
	}{{"i", f.ignoreCase}, {"m", f.multiline}, {"s", f.dotAll}} {
		if flag.set {
			on += flag.letter
		} else {
			off += flag.letter
		}
	}
	if off != "" {
		off = "-" + off
	}
	return "(?" + on + off + ":"
}

// A parser reads Python's syntax and writes .NET's.
type parser struct {
	src    []rune
	pos    int
	out    []rune
	groups int            // capture groups opened so far
	open   []int          // those not closed yet
	names  map[string]int // of named groups
	tested []int          // groups that conditions name, perhaps before they open
}

func (p *parser) done() bool { return p.pos >= len(p.src) }

// peek reports whether s comes next.
func (p *parser) peek(s string) bool {
	return strings.HasPrefix(string(p.src[p.pos:min(len(p.src), p.pos+len(s))]), s)
}

// accept consumes s and returns true, if s comes next.
func (p *parser) accept(s string) bool {
	if !p.peek(s) {
		return false
	}
	p.pos += len(s)
	return true
}

func (p *parser) emit(s string) { p.out = append(p.out, []rune(s)...) }

// take reads one character; the caller knows that there is one.
func (p *parser) take() rune {
	p.pos++
	return p.src[p.pos-1]
}

// until reads up to a character, and consumes it too.
func (p *parser) until(end rune) (string, bool) {
	for i := p.pos; i < len(p.src); i++ {
		if p.src[i] == end {
			s := string(p.src[p.pos:i])
			p.pos = i + 1
			return s, true
		}
	}
	return "", false
}

// globalFlags reads flags for the whole expression, such as (?im), which can stand
// only at its start.
func (p *parser) globalFlags() (flags, error) {
	var f flags
	for p.peek("(?") && p.pos+2 < len(p.src) && unicode.IsLetter(p.src[p.pos+2]) {
		start := p.pos
		p.pos += 2
		g, _, err := p.flagLetters(f, true)
		if err != nil {
			return f, err
		}
		if !p.accept(")") { // flags of a group, or no flags at all
			p.pos = start
			return f, nil
		}
		f = g
	}
	return f, nil
}

// flagLetters reads letters, each of which changes f, and returns them too.
func (p *parser) flagLetters(f flags, on bool) (flags, string, error) {
	start := p.pos
	for !p.done() && unicode.IsLetter(p.src[p.pos]) && p.src[p.pos] != 'P' {
		if err := f.set(p.take(), on); err != nil {
			return f, "", err
		}
	}
	letters := string(p.src[start:p.pos])
	if strings.Contains(letters, "a") && strings.Contains(letters, "u") {
		return f, "", errors.New("flags a and u are incompatible")
	}
	return f, letters, nil
}

// alternatives reads up to the end of a group or of the expression.
func (p *parser) alternatives(f flags) error {
	for {
		if err := p.sequence(f); err != nil {
			return err
		}
		if !p.accept("|") {
			return nil
		}
		p.emit("|")
	}
}

// itemKind says whether the last item can be repeated.
type itemKind int

const (
	nothing   itemKind = iota // the start of an alternative
	skipped                   // a comment or a blank
	assertion                 // ^, $, \b: no text to repeat
	repeated                  // an item with its repetition
	atom
)

// sequence reads items up to a | or the end of the group.
func (p *parser) sequence(f flags) error {
	last, start := nothing, len(p.out)
	for !p.done() && !p.peek("|") && !p.peek(")") {
		if min, max, ok := p.repetition(); ok {
			if err := p.repeat(last, start, min, max); err != nil {
				return err
			}
			last = repeated
			continue
		}
		before := len(p.out)
		kind, err := p.item(f)
		if err != nil {
			return err
		}
		if kind != skipped {
			last, start = kind, before
		}
	}
	return nil
}

// item reads one item, without its repetition.
func (p *parser) item(f flags) (itemKind, error) {
	switch c := p.take(); {
	case f.verbose && strings.ContainsRune(" \t\n\r\v\f", c):
		return skipped, nil
	case f.verbose && c == '#':
		if _, ok := p.until('\n'); !ok {
			p.pos = len(p.src)
		}
		return skipped, nil
	case c == '(':
		return p.group(f)
	case c == '[':
		return atom, p.class(f)
	case c == '\\':
		return p.escape(f)
	case c == '^' || c == '$':
		p.emit(string(c))
		return assertion, nil
	case c == '.':
		p.emit(".")
	default:
		p.literal(c)
	}
	return atom, nil
}

// literal writes a character that stands for itself.
func (p *parser) literal(c rune) {
	if strings.ContainsRune(`\*+?|{}[]()^$.`, c) {
		p.out = append(p.out, '\\')
	}
	p.out = append(p.out, c)
}

// unbounded is the upper limit of * and +.
const unbounded = -1

// repetition reads *, +, ? or a brace with counts; any other brace is literal.
func (p *parser) repetition() (min, max int, ok bool) {
	switch {
	case p.accept("*"):
		return 0, unbounded, true
	case p.accept("+"):
		return 1, unbounded, true
	case p.accept("?"):
		return 0, 1, true
	case !p.peek("{"):
		return 0, 0, false
	}
	start := p.pos
	p.pos++
	body, closed := p.until('}')
	low, high, comma := strings.Cut(body, ",")
	if !comma {
		high = low
	}
	min, okMin := count(low, 0)
	max, okMax := count(high, unbounded)
	if !closed || !okMin || !okMax || body == "" {
		p.pos = start
		return 0, 0, false
	}
	return min, max, true
}

// count reads a limit of a repetition; an empty one is the default.
func count(s string, missing int) (int, bool) {
	if s == "" {
		return missing, true
	}
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err == nil
}

// repeat repeats what was written since start. .NET has no possessive
// repetition; an atomic group around a greedy one is the same.
func (p *parser) repeat(last itemKind, start, min, max int) error {
	switch {
	case last == nothing || last == assertion:
		return errors.New("nothing to repeat")
	case last == repeated:
		return errors.New("multiple repeat")
	case max != unbounded && min > max:
		return errors.New("min repeat greater than max repeat")
	}
	limits := fmt.Sprintf("{%d,%d}", min, max)
	if max == unbounded {
		limits = fmt.Sprintf("{%d,}", min)
	}
	switch {
	case p.accept("?"):
		p.emit(limits + "?")
	case p.accept("+"):
		body := string(p.out[start:])
		p.out = p.out[:start]
		p.emit("(?>" + body + limits + ")")
	default:
		p.emit(limits)
	}
	return nil
}
