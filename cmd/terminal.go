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

// columnsOf is how many columns a text takes that has styles.
func columnsOf(text string) int {
	parts := strings.Split(text, "\x1b[")
	width := uniseg.StringWidth(parts[0])
	for _, part := range parts[1:] {
		_, behind, _ := strings.Cut(part, "m")
		width += uniseg.StringWidth(behind)
	}
	return width
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

// wrap breaks text into lines of width columns.
func wrap(text string, width int) (lines []string) {
	for _, r := range rowsOf(text, width) {
		lines = append(lines, strings.Repeat(" ", r.indent)+shown(text[r.start:r.end]))
	}
	return lines
}
