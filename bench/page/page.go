// Package page writes tables of figures into pages of the documentation.
package page

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"sheaf/internal/publish"
)

// Table writes rows as Markdown, the first one as its head.
func Table(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintf(&b, "|%s\n", strings.Repeat(" --- |", len(row)))
		}
	}
	return b.String()
}

// end is the line after what a program writes into a page.
const end = "<!-- to here -->\n"

// Write puts text into a page, in the place of what is between the line that says that writer
// writes from there and the next line that says to here.
func Write(file, writer, text string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	begin := fmt.Sprintf("<!-- %s writes from here -->\n", writer)
	before, rest, begun := bytes.Cut(old, []byte(begin))
	_, after, ended := bytes.Cut(rest, []byte(end))
	if !begun || !ended {
		return fmt.Errorf("%s has no lines %q and %q", file, begin, end)
	}
	return publish.Write([]string{file}, func(files []*os.File) error {
		_, err := files[0].Write(slices.Concat(before, []byte(begin), []byte(text), []byte(end), after))
		return err
	})
}
