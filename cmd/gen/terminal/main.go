// Terminal draws what a program printed on a terminal, with its bold, dim and coloured parts, as a
// picture in SVG, which reads well on light and dark pages: terminal < OUTPUT > PICTURE.
package main

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"os"
	"regexp"
	"strings"
)

func main() {
	if err := draw(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "terminal:", err)
		os.Exit(1)
	}
}

// The measures of a character and of the frame, in pixels.
const (
	charWidth  = 8.4
	lineHeight = 19
	margin     = 16
	columns    = 80
)

// sequence matches the ANSI sequences that sheaf prints.
var sequence = regexp.MustCompile("\x1b\\[(\\d*)m")

// classes are the styles of the picture by the parameters of sequences.
var classes = map[string]string{"1": "b", "2": "d", "32": "g", "36": "c"}

func draw(from io.Reader, to io.Writer) error {
	var lines []string
	scan := bufio.NewScanner(from)
	for scan.Scan() {
		lines = append(lines, scan.Text())
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	width, height := int(columns*charWidth)+2*margin, len(lines)*lineHeight+2*margin
	var b strings.Builder
	fmt.Fprintf(&b, head, width, height)
	for i, line := range lines {
		fmt.Fprintf(&b, "<text x=\"%d\" y=\"%d\">%s</text>\n", margin, margin+lineHeight*(i+1)-5, spans(line))
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(to, b.String())
	if err == nil {
		err = scan.Err()
	}
	return err
}

// spans is a line as SVG.
func spans(line string) string {
	var b strings.Builder
	class, at := "", 0
	write := func(text string) {
		switch {
		case text == "":
		case class == "":
			b.WriteString(html.EscapeString(text))
		default:
			fmt.Fprintf(&b, "<tspan class=\"%s\">%s</tspan>", class, html.EscapeString(text))
		}
	}
	for _, m := range sequence.FindAllStringSubmatchIndex(line, -1) {
		write(line[at:m[0]])
		class, at = classes[line[m[2]:m[3]]], m[1]
	}
	write(line[at:])
	return b.String()
}

const head = `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" role="img" xml:space="preserve">
<style>
text { font: 14px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #d8dee9; white-space: pre }
.b { font-weight: bold; fill: #ffffff } .d { fill: #7b8494 } .g { fill: #a3be8c } .c { fill: #88c0d0 }
</style>
<rect width="100%%" height="100%%" rx="8" fill="#20242c"/>
`
