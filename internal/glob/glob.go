// Package glob matches names with globs, as bmatcuk/doublestar reads them: * and ?
// stop at a slash, ** does not, […] is a class of characters, {a,b} a choice.
// Wherever users write one it is checked first, so that none takes for ever.
package glob

import (
	"fmt"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// maxBraces is how many {…} a glob may have: the time to match it doubles with each.
const maxBraces = 8

// Check returns why a pattern is none that [Match] takes.
func Check(pattern string) error {
	switch {
	case !doublestar.ValidatePattern(pattern):
		return fmt.Errorf("bad glob %q", pattern)
	case strings.Count(pattern, "{") > maxBraces:
		return fmt.Errorf("a glob with more than %d braces", maxBraces)
	}
	return nil
}

// Match reports whether the whole of a name matches a pattern that was checked.
func Match(pattern, name string) bool { return doublestar.MatchUnvalidated(pattern, name) }

// Split divides a pattern into the folder that all matches lie in, which has no
// special characters, and the rest.
func Split(pattern string) (base, rest string) { return doublestar.SplitPattern(pattern) }

// Quote returns the pattern that matches a name and nothing else.
func Quote(name string) string { return quoter.Replace(name) }

var quoter = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`, `{`, `\{`, `}`, `\}`)
