package loader

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"go.yaml.in/yaml/v3"

	"sheaf/internal/metadata"
	"sheaf/internal/splitter"
)

// What becomes of the front matter of Markdown: see [ReadOptions].
const (
	FrontMetadata = "metadata"
	FrontText     = "text"
)

// The bounds of front matter. What is longer or deeper is left in the text.
const (
	maxFrontMatter = 64 << 10 // bytes
	maxDepth       = 100
)

// frontMatter is metadata at the beginning of a text, between two lines "---" for YAML or "+++" for TOML.
type frontMatter struct {
	yaml   bool
	inside string
	whole  string // with the lines around it
}

// findFrontMatter returns the front matter that a text begins with.
func findFrontMatter(text string) (f frontMatter, ok bool) {
	mark, rest, _ := strings.Cut(text, "\n")
	mark = strings.TrimRight(mark, " \t")
	if f.yaml = mark == "---"; !f.yaml && mark != "+++" {
		return f, false
	}
	start := len(text) - len(rest)
	for at := start; at < len(text) && at-start <= maxFrontMatter; {
		line, _, _ := strings.Cut(text[at:], "\n")
		end := min(at+len(line)+1, len(text))
		if last := strings.TrimRight(line, " \t"); last == mark || f.yaml && last == "..." {
			f.inside, f.whole = text[start:at], text[:end]
			return f, true
		}
		at = end
	}
	return f, false
}

// takeFrontMatter makes the front matter of a Markdown file metadata. What is no front matter stays in the text, with a
// remark where it was meant to be.
func (r *Reader) takeFrontMatter(rec *Record) {
	if r.opts.FrontMatter == FrontText || splitter.LanguageOf(r.src.Name) != "markdown" {
		return
	}
	f, ok := findFrontMatter(rec.Text)
	if !ok {
		return
	}
	read, language := readTOML, "TOML"
	if f.yaml {
		read, language = readYAML, "YAML"
	}
	object, err := read(f.inside)
	switch {
	case errors.Is(err, errNoMapping):
		return
	case err != nil:
		r.remark("its front matter is not metadata in %s, so it stays in the text: %v", language, err)
		return
	}
	rec.Text, rec.Metadata = rec.Text[len(f.whole):], object
	rec.SkippedLines, rec.SkippedRunes = strings.Count(f.whole, "\n"), utf8.RuneCountInString(f.whole)
}

// errNoMapping is the error of YAML without keys, such as a paragraph between two lines.
var errNoMapping = errors.New("no mapping")

// readYAML returns the members of a YAML mapping in their order, with dates and other scalars that JSON does not have as
// they are written.
func readYAML(text string) (metadata.Object, error) {
	var document yaml.Node
	switch err := yaml.Unmarshal([]byte(text), &document); {
	case err != nil:
		return metadata.Object{}, err
	case len(document.Content) == 0:
		return metadata.Object{}, nil
	case document.Content[0].Kind != yaml.MappingNode:
		return metadata.Object{}, errNoMapping
	}
	object, err := appendYAML(nil, document.Content[0], 0)
	if err != nil {
		return metadata.Object{}, err
	}
	return metadata.Parse(object)
}

// appendYAML appends a node as JSON.
func appendYAML(to []byte, n *yaml.Node, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("line %d: nested deeper than %d", n.Line, maxDepth)
	}
	var err error
	switch n.Kind {
	case yaml.MappingNode:
		to = append(to, '{')
		for i := 0; i < len(n.Content) && err == nil; i += 2 {
			key := n.Content[i]
			if key.Kind != yaml.ScalarNode {
				return nil, fmt.Errorf("line %d: a key that is no text", key.Line)
			}
			to = append(metadata.AppendQuoted(comma(to, i), key.Value), ':')
			to, err = appendYAML(to, n.Content[i+1], depth+1)
		}
		return append(to, '}'), err
	case yaml.SequenceNode:
		to = append(to, '[')
		for i := 0; i < len(n.Content) && err == nil; i++ {
			to, err = appendYAML(comma(to, i), n.Content[i], depth+1)
		}
		return append(to, ']'), err
	case yaml.ScalarNode:
		return append(to, scalar(n)...), nil
	}
	return nil, fmt.Errorf("line %d: aliases are not supported", n.Line)
}

func comma(to []byte, i int) []byte {
	if i == 0 {
		return to
	}
	return append(to, ',')
}

// scalar returns a scalar of YAML as JSON. What JSON does not have, such as 0x1F, 01234 or a date, stays as it is written.
func scalar(n *yaml.Node) []byte {
	switch tag := n.ShortTag(); {
	case tag == "!!null":
		return []byte("null")
	case tag == "!!bool":
		return []byte(strings.ToLower(n.Value))
	case (tag == "!!int" || tag == "!!float") && json.Valid([]byte(n.Value)):
		return []byte(n.Value)
	}
	return metadata.Quote(n.Value)
}

// readTOML returns the members of a TOML document in the order of their keys.
func readTOML(text string) (metadata.Object, error) {
	var table map[string]any
	if err := toml.Unmarshal([]byte(text), &table); err != nil {
		return metadata.Object{}, err
	}
	var b metadata.Builder
	for _, key := range slices.Sorted(maps.Keys(table)) {
		value, err := json.Marshal(table[key])
		if err != nil {
			return metadata.Object{}, fmt.Errorf("%q: %w", key, err)
		}
		b.Set(key, value)
	}
	return b.Object(), nil
}
