package splitter

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// A separator splits a text. Empty, it splits between all code points.
type separator struct {
	text    string   // as given; also what merged pieces are joined with
	pattern *pattern // splits; nil: text is literal
	probe   *pattern // finds out whether the separator occurs
}

// newSeparator prepares a separator. One that is kept becomes a capture group,
// which increases the numbers of its own groups by one, as in LangChain.
func newSeparator(text string, o Options) (separator, error) {
	// Most expressions in the lists of languages are literal.
	if !o.Regex || regexp.QuoteMeta(text) == text {
		return separator{text: text}, nil
	}
	captured := text
	if o.Keep != KeepNone {
		captured = "(" + text + ")"
	}
	p, err := compile(captured)
	if err != nil {
		return separator{}, fmt.Errorf("separator %q: %w", text, err)
	}
	s := separator{text: text, pattern: p, probe: p}
	if o.Kind != Character && captured != text {
		if s.probe, err = compile(text); err != nil {
			return separator{}, fmt.Errorf("separator %q: %w", text, err)
		}
	}
	return s, nil
}

// lookaround reports whether LangChain does not put the separator back between
// pieces because it takes it for one that matches no text. It looks at the
// beginning only.
func (s separator) lookaround() bool {
	for _, prefix := range []string{"(?=", "(?!", "(?<=", "(?<!"} {
		if s.pattern != nil && strings.HasPrefix(s.text, prefix) {
			return true
		}
	}
	return false
}

// in reports whether the separator occurs in the text.
func (s separator) in(text string) (bool, error) {
	if s.pattern == nil {
		return strings.Contains(text, s.text), nil
	}
	found, err := s.probe.matches(text)
	if err != nil {
		return false, fmt.Errorf("separator %q: %w", s.text, err)
	}
	return found, nil
}

// split calls emit with every piece of the text that is not empty, in order.
// It stops at emit's first error.
func (s separator) split(text string, keep Keep, emit func(piece) error) error {
	switch {
	case s.text == "":
		return splitAll(text, emit)
	case s.pattern == nil:
		return splitLiteral(text, s.text, keep, emit)
	}
	parts, err := s.pattern.split(text)
	if err == nil && keep != KeepNone {
		return s.pair(text, parts, keep, emit)
	}
	if err != nil {
		return fmt.Errorf("separator %q: %w", s.text, err)
	}
	return emitParts(text, parts, emit)
}

// splitAll makes every code point a piece.
func splitAll(text string, emit func(piece) error) error {
	for lo := 0; lo < len(text); {
		_, size := utf8.DecodeRuneInString(text[lo:])
		if err := emit(piece{lo: lo, hi: lo + size, size: 1}); err != nil {
			return err
		}
		lo += size
	}
	return nil
}

func splitLiteral(text, sep string, keep Keep, emit func(piece) error) error {
	lo, from := 0, 0 // the piece begins at lo, the search at from
	for {
		i := strings.Index(text[from:], sep)
		if i < 0 {
			break
		}
		hi, next := from+i, from+i+len(sep)
		from = next
		switch keep {
		case KeepStart:
			next = hi
		case KeepEnd:
			hi = next
		}
		if hi > lo {
			if err := emit(newPiece(text, lo, hi)); err != nil {
				return err
			}
		}
		lo = next
	}
	if lo == len(text) {
		return nil
	}
	return emit(newPiece(text, lo, len(text)))
}

// pair joins each separator to the part after it (KeepStart) or before it
// (KeepEnd) and emits the pairs. parts is what Python's re.split gives for a
// captured pattern: part, separator, part, separator, …, part. Groups inside
// the separator add parts in between. LangChain then pairs neighbours that do not
// belong together and repeats text; this does the same, and fails where it does.
func (s separator) pair(text string, parts []span, keep Keep, emit func(piece) error) error {
	last := parts[len(parts)-1:]
	singles, pairs, after := parts[:1], parts[1:], parts[:0]
	if keep == KeepEnd {
		singles, pairs, after = parts[:0], parts[:len(parts)-len(parts)%2], last
	}
	if len(pairs)%2 != 0 {
		return s.unpaired()
	}
	if err := emitParts(text, singles, emit); err != nil {
		return err
	}
	for i := 0; i < len(pairs); i += 2 {
		if !pairs[i].found() || !pairs[i+1].found() {
			return s.unpaired()
		}
		if err := emitPair(text, pairs[i], pairs[i+1], emit); err != nil {
			return err
		}
	}
	if keep == KeepEnd && len(parts)%2 == 0 {
		// LangChain adds the last part again, although it is in a pair.
		after = []span{last[0], last[0]}
	}
	return emitParts(text, after, emit)
}

func (s separator) unpaired() error {
	return fmt.Errorf("separator %q: cannot be kept, for its capture groups leave pieces without a partner: write (?:…) for (…)", s.text)
}

// emitParts emits the parts that are not empty.
func emitParts(text string, parts []span, emit func(piece) error) error {
	for _, part := range parts {
		if part.lo == part.hi {
			continue
		}
		if err := emit(newPiece(text, part.lo, part.hi)); err != nil {
			return err
		}
	}
	return nil
}

// emitPair emits a followed by b, unless both are empty.
func emitPair(text string, a, b span, emit func(piece) error) error {
	switch {
	case b.lo == b.hi:
		return emitParts(text, []span{a}, emit)
	case a.lo == a.hi:
		return emitParts(text, []span{b}, emit)
	case a.hi == b.lo:
		return emit(newPiece(text, a.lo, b.hi))
	}
	own := text[a.lo:a.hi] + text[b.lo:b.hi]
	return emit(piece{lo: min(a.lo, b.lo), hi: max(a.hi, b.hi), size: utf8.RuneCountInString(own), own: own})
}
