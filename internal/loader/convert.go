package loader

import (
	"fmt"
	"strings"

	"sheaf/internal/program"
)

// Conversion is a command that makes texts of the files that a pattern matches, see
// [sheaf/internal/program.Convert].
type Conversion struct {
	Command string
	rules   rules
}

// ParseConversion reads GLOB=COMMAND, a pattern as in .gitignore.
func ParseConversion(text string) (Conversion, error) {
	glob, command, ok := strings.Cut(text, "=")
	c := Conversion{Command: strings.TrimSpace(command), rules: parsePatterns([]string{glob})}
	if !ok || c.Command == "" || len(c.rules) == 0 {
		return c, fmt.Errorf("%q is not GLOB=COMMAND", text)
	}
	if program.Quoted(c.Command) {
		return c, fmt.Errorf("%q: {} stands for the path with its quotes, and needs none around it", text)
	}
	return c, nil
}

// conversionOf returns the command for a file, "" for one that is read as it is. The first pattern
// that matches counts.
func conversionOf(all []Conversion, name string) string {
	for _, c := range all {
		if c.rules.verdict(name, false) == ignored {
			return c.Command
		}
	}
	return ""
}
