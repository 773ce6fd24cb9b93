package splitter

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/dlclark/regexp2/v2"
)

// matchTimeout bounds the search for one match. A sane expression passes over
// a hundred megabytes in that time.
const matchTimeout = 10 * time.Second

// maxTimeouts is how many searches may run into matchTimeout. Then the expression
// is not tried again, for each of many texts would take as long.
const maxTimeouts = 3

// unboundedStack lets a match backtrack over any length of text: time bounds it.
var unboundedStack = regexp2.OptionMaxBacktrackingStackSize(-1)

// A pattern is a regular expression of Python's re.
type pattern struct {
	re *regexp2.Regexp
	// next matches at the start of the search, and not an empty text: Python
	// tries that at the place of an empty match before it moves on.
	next    *regexp2.Regexp
	groups  int // capture groups
	timeout time.Duration

	timeouts atomic.Int32
}

// compile reads an expression in Python's syntax.
func compile(source string) (*pattern, error) {
	t, err := translate(source)
	if err != nil {
		return nil, err
	}
	re, err := regexp2.Compile(t.expr, t.options, unboundedStack)
	if err != nil {
		return nil, notCompiled(err)
	}
	next, err := regexp2.Compile(`\G(?:`+t.expr+`)(?!\G)`, t.options, unboundedStack)
	if err != nil {
		return nil, notCompiled(err)
	}
	p := &pattern{re: re, next: next, groups: t.groups}
	p.limit(matchTimeout)
	return p, nil
}

func notCompiled(err error) error {
	return fmt.Errorf("not a regular expression that can be used here: %w", err)
}

func (p *pattern) limit(d time.Duration) {
	p.timeout, p.re.MatchTimeout, p.next.MatchTimeout = d, d, d
}

func (p *pattern) matches(text string) (bool, error) {
	if p.timeouts.Load() >= maxTimeouts {
		return false, errTimeouts
	}
	m, err := p.re.FindStringMatch(text)
	if err != nil {
		return false, p.tooLong()
	}
	return m != nil, nil
}

// tooLong replaces the only error that matching has, whose message has the whole
// text.
func (p *pattern) tooLong() error {
	p.timeouts.Add(1)
	return fmt.Errorf("matching took longer than %v: %w", p.timeout, errCatastrophic)
}

var (
	errCatastrophic = errors.New("the expression tries too many ways to match, simplify its repetitions")
	errTimeouts     = fmt.Errorf("not tried, for it took too long on %d texts: %w", maxTimeouts, errCatastrophic)
)

// A span is a range of bytes. A group that took no part in a match has lo -1
// and hi -1.
type span struct{ lo, hi int }

func (s span) found() bool { return s.lo >= 0 }

// split is Python's re.split: the parts of the text between matches, and
// after each part the groups of the match that follows it. Empty matches split
// too, except right after an empty match at the same place.
func (p *pattern) split(text string) ([]span, error) {
	if p.timeouts.Load() >= maxTimeouts {
		return nil, errTimeouts
	}
	runes := []rune(text)
	ruler := newRuler(text)
	var parts []span
	last, from, wasEmpty := 0, 0, false
	for {
		m, err := p.find(runes, from, wasEmpty)
		if err != nil {
			return nil, p.tooLong()
		}
		if m == nil {
			return append(parts, span{last, len(text)}), nil
		}
		parts = append(parts, span{last, ruler.byteOf(m.RuneIndex)})
		for n := range p.groups {
			parts = append(parts, ruler.span(m.GroupByNumber(n+1)))
		}
		wasEmpty = m.RuneLength == 0
		from = m.RuneIndex + m.RuneLength
		last = ruler.byteOf(from)
	}
}

// find returns the first match at or after from. With moved it is not an empty
// match at from.
func (p *pattern) find(runes []rune, from int, moved bool) (*regexp2.Match, error) {
	if moved {
		m, err := p.next.FindRunesMatchStartingAt(runes, from)
		if m != nil || err != nil {
			return m, err
		}
		if from++; from > len(runes) {
			return nil, nil
		}
	}
	return p.re.FindRunesMatchStartingAt(runes, from)
}

func (r *ruler) span(g *regexp2.Group) span {
	if len(g.Captures) == 0 {
		return span{-1, -1}
	}
	return span{r.byteOf(g.RuneIndex), r.byteOf(g.RuneIndex + g.RuneLength)}
}
