package cmd

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// The styles, as parameters of the ANSI sequence SGR.
const (
	styleBold  = "1"
	styleDim   = "2"
	styleGreen = "32"
	styleCyan  = "36"
)

// styled returns text in a style, or as it is where colour is off.
func (p *printer) styled(style, text string) string {
	if !p.color {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

// visible returns text that is safe for a terminal: it replaces control
// characters, which could move the cursor or retitle the window.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case controls(r):
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// controls reports whether a character may control a terminal.
func controls(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// escapeControls returns JSON with escapes for the characters in its strings that
// may control a terminal. encoding/json escapes only those below U+0020.
func escapeControls(b []byte) []byte {
	if bytes.IndexFunc(b, controls) < 0 {
		return b
	}
	var escaped []byte
	for _, r := range string(b) {
		if controls(r) {
			escaped = fmt.Appendf(escaped, `\u%04x`, r)
		} else {
			escaped = utf8.AppendRune(escaped, r)
		}
	}
	return escaped
}

// visibleLine is visible for text that must stay on one line.
func visibleLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, visible(text))
}

// snippetLines is the number of lines of a text that are shown on a terminal.
const snippetLines = 4

// snippet returns the beginning of text, wrapped to width columns.
func snippet(text string, width int) []string {
	lines := wrap(visible(text), width, snippetLines+1)
	if len(lines) > snippetLines {
		lines = lines[:snippetLines]
		lines[snippetLines-1] += " …"
	}
	return lines
}

// wrap breaks text at blanks into at most limit lines of width columns. A longer
// word is broken anywhere.
func wrap(text string, width, limit int) []string {
	var lines []string
	line, used := "", 0
	for word := range strings.FieldsSeq(text) {
		w := uniseg.StringWidth(word)
		if line != "" && used+1+w > width {
			lines = append(lines, line)
			line, used = "", 0
		}
		if len(lines) >= limit {
			return lines
		}
		if line != "" {
			line, used = line+" ", used+1
		}
		for w > width {
			head, rest := cut(word, width)
			lines = append(lines, head)
			if len(lines) >= limit {
				return lines
			}
			word, w = rest, w-uniseg.StringWidth(head)
		}
		line, used = line+word, used+w
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// cut splits word after the characters that fit into width columns, at least one.
func cut(word string, width int) (head, rest string) {
	used, end := 0, 0
	graphemes := uniseg.NewGraphemes(word)
	for graphemes.Next() {
		used += graphemes.Width()
		if used > width && end > 0 {
			break
		}
		_, end = graphemes.Positions()
	}
	return word[:end], word[end:]
}
