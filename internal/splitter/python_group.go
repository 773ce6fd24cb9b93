package splitter

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

var errUnterminated = errors.New("missing ), unterminated subpattern")

// group reads a group after its opening parenthesis.
func (p *parser) group(f flags) (itemKind, error) {
	if !p.accept("?") {
		return atom, p.capture(f)
	}
	for _, open := range []string{":", "=", "!", "<=", "<!", ">"} {
		if p.accept(open) {
			p.emit("(?" + open)
			return atom, p.body(f)
		}
	}
	switch {
	case p.accept("#"):
		if _, ok := p.until(')'); !ok {
			return skipped, errors.New("missing ), unterminated comment")
		}
		return skipped, nil
	case p.accept("P<"):
		return atom, p.named(f)
	case p.accept("P="):
		return atom, p.namedReference()
	case p.accept("("):
		return atom, p.condition(f)
	}
	return atom, p.flagged(f)
}

// body reads the rest of a group and its closing parenthesis.
func (p *parser) body(f flags) error {
	if err := p.alternatives(f); err != nil {
		return err
	}
	if !p.accept(")") {
		return errUnterminated
	}
	p.emit(")")
	return nil
}

func (p *parser) capture(f flags) error {
	p.groups++
	p.open = append(p.open, p.groups)
	p.emit("(")
	err := p.body(f)
	p.open = p.open[:len(p.open)-1]
	return err
}

func (p *parser) named(f flags) error {
	name, err := p.name('>')
	if err != nil {
		return err
	}
	if _, ok := p.names[name]; ok {
		return fmt.Errorf("redefinition of group name %q", name)
	}
	p.names[name] = p.groups + 1
	return p.capture(f)
}

// name reads the name of a group.
func (p *parser) name(end rune) (string, error) {
	name, ok := p.until(end)
	if !ok || name == "" {
		return "", errors.New("missing group name")
	}
	for i, r := range name {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return "", fmt.Errorf("bad character in group name %q", name)
		}
	}
	return name, nil
}

func (p *parser) namedReference() error {
	name, err := p.name(')')
	if err != nil {
		return err
	}
	number, ok := p.names[name]
	if !ok {
		return fmt.Errorf("unknown group name %q", name)
	}
	return p.reference(number)
}

// reference writes a reference to what a group matched.
func (p *parser) reference(number int) error {
	if number > p.groups {
		return fmt.Errorf("invalid group reference %d", number)
	}
	if slices.Contains(p.open, number) {
		return errors.New("cannot refer to an open group")
	}
	p.emit(fmt.Sprintf(`\k<%d>`, number))
	return nil
}

// condition reads (?(group)yes|no) from the group on.
func (p *parser) condition(f flags) error {
	name, ok := p.until(')')
	number, known := p.names[name]
	if n, err := strconv.ParseUint(name, 10, 31); err == nil {
		number, known = int(n), n > 0
	}
	if !ok || !known {
		return fmt.Errorf("unknown group %q in a condition", name)
	}
	p.tested = append(p.tested, number)
	p.emit(fmt.Sprintf("(?(%d)", number))
	if err := p.sequence(f); err != nil {
		return err
	}
	if p.accept("|") {
		p.emit("|")
		if err := p.sequence(f); err != nil {
			return err
		}
	}
	if p.peek("|") {
		return errors.New("conditional backref with more than two branches")
	}
	if !p.accept(")") {
		return errUnterminated
	}
	p.emit(")")
	return nil
}

// checkConditions returns an error for a condition on a group that does not exist.
func (p *parser) checkConditions() error {
	for _, number := range p.tested {
		if number > p.groups {
			return fmt.Errorf("invalid group reference %d", number)
		}
	}
	return nil
}

// flagged reads a group with flags of its own, such as (?i-s:…).
func (p *parser) flagged(f flags) error {
	f, on, err := p.flagLetters(f, true)
	if err != nil {
		return err
	}
	if on != "" && p.accept(")") {
		return errors.New("global flags not at the start of the expression")
	}
	off := ""
	if p.accept("-") {
		if f, off, err = p.flagLetters(f, false); err != nil {
			return err
		}
		if off == "" {
			return errors.New("missing flag")
		}
	}
	if strings.ContainsAny(on, off) {
		return errors.New("flag turned on and off")
	}
	if on+off == "" || !p.accept(":") {
		return errors.New("unknown extension after (?")
	}
	p.emit(f.group())
	return p.body(f)
}
