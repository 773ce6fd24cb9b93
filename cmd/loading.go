package cmd

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"sheaf/internal/loader"
	"sheaf/internal/splitter"
	"sheaf/internal/store"
)

// loaderFlags say which files are read, and how.
type loaderFlags struct {
	format      string
	read        loader.ReadOptions
	walk        loader.WalkOptions
	maxFileSize string
	delimiter   string
	frontMatter string
}

// frontMatters are the choices of --front-matter.
var frontMatters = []string{loader.FrontMetadata, loader.FrontText}

// formatNames returns what --format takes.
func formatNames() []string {
	names := []string{string(loader.Auto)}
	for _, f := range loader.Formats() {
		names = append(names, string(f))
	}
	return names
}

func (o *loaderFlags) addFlags(c *cobra.Command) {
	f, formats := c.Flags(), formatNames()
	f.StringVar(&o.format, "format", string(loader.Auto), "read every source as `FORMAT`: "+oneOf(formats))
	addFields(c, &o.read)
	f.StringVar(&o.delimiter, "delimiter", "", "the `CHARACTER` between the cells of CSV, such as ';' or '\\t' (default: found by looking)")
	f.BoolVar(&o.read.DetectTypes, "detect-types", false, "read CSV cells that look like numbers or booleans as such")
	f.StringVar(&o.frontMatter, "front-matter", "", "take the front matter of Markdown as `WHAT`: metadata, or text as LangChain does (default metadata)")
	f.StringArrayVar(&o.walk.Include, "include", nil, "of folders read only what matches `GLOB`, as in .gitignore (repeatable)")
	f.StringArrayVar(&o.walk.Exclude, "exclude", nil, "leave out what matches `GLOB`, as in .gitignore (repeatable)")
	f.BoolVar(&o.walk.Hidden, "hidden", false, "read hidden files and folders too")
	f.BoolVar(&o.walk.NoIgnore, "no-ignore", false, "do not honour .gitignore and .sheafignore")
	f.StringVar(&o.read.Encoding, "encoding", "", "read text in encoding `NAME` (default: UTF-8, detected where it is not)")
	f.StringVar(&o.maxFileSize, "max-file-size", byteSize(loader.DefaultMaxFileSize), "skip text files larger than `SIZE`, as in 500k, 10M, 1G")
	addSettings(f, "convert")
	complete(c, "format", formats...)
	complete(c, "front-matter", frontMatters...)
}

// fieldFlags are the flags that addFields declares.
var fieldFlags = []string{"text-field", "id-field", "vector-field"}

// addFields declares the flags that name the fields of records.
func addFields(c *cobra.Command, o *loader.ReadOptions) {
	f := c.Flags()
	f.StringArrayVar((*[]string)(&o.TextFields), "text-field", nil, "the `FIELD` of a record that holds its text (default text, or page_content); several are joined by line breaks (repeatable)")
	f.StringVar(&o.IDField, "id-field", "", "the `FIELD` of a record that holds its id (default id)")
	f.StringVar(&o.VectorField, "vector-field", "", "the `FIELD` of a record that holds its vector (default vector)")
}

// walkOptions completes the flags by the settings.
func (env *environment) walkOptions(o loaderFlags) loader.WalkOptions {
	o.walk.Convert = env.config.Convert
	return o.walk
}

func (o *loaderFlags) validate() error {
	format := o.format
	if err := setChoice(&format, o.format, formatNames()); err != nil {
		return usagef("--format: %w", err)
	}
	if o.frontMatter != "" {
		if err := setChoice(&o.read.FrontMatter, o.frontMatter, frontMatters); err != nil {
			return usagef("--front-matter: %w", err)
		}
	}
	if o.read.Encoding != "" {
		if err := loader.ValidEncoding(o.read.Encoding); err != nil {
			return usagef("--encoding: %w", err)
		}
	}
	size, err := parseByteSize(o.maxFileSize)
	if err != nil {
		return usagef("--max-file-size: %w", err)
	}
	if o.read.Delimiter, err = parseDelimiter(o.delimiter); err != nil {
		return err
	}
	o.walk.Format, o.walk.Encoding, o.walk.MaxFileSize, o.walk.SkipDir = loader.Format(format), o.read.Encoding, size, store.Is
	return distinctFields(o.read)
}

// parseDelimiter reads the character between cells, of which a tab may be written \t.
func parseDelimiter(text string) (string, error) {
	character, err := splitter.Unescape(text)
	if r, size := utf8.DecodeRuneInString(character); err != nil || size != len(character) || strings.ContainsRune("\"\r\n\x00", r) || r == utf8.RuneError && size == 1 {
		return "", usagef("--delimiter %q is not a character that can separate cells", text)
	}
	return character, nil
}

// distinctFields returns an error when two flags name the same field.
func distinctFields(o loader.ReadOptions) error {
	type named struct{ flag, field string }
	all := []named{{"--id-field", cmp.Or(o.IDField, "id")}, {"--vector-field", cmp.Or(o.VectorField, "vector")}}
	texts := o.TextFields
	if len(texts) == 0 {
		texts = loader.Fields{"text"}
	}
	for _, field := range texts {
		all = append(all, named{"--text-field", field})
	}
	seen := map[string]string{}
	for _, f := range all {
		if other, taken := seen[f.field]; taken {
			return usagef("%s and %s both name the field %q", f.flag, other, f.field)
		}
		seen[f.field] = f.flag
	}
	return nil
}

// byteUnits are the suffixes of sizes, each 1,024 times the one before.
const byteUnits = "kMGT"

func parseByteSize(text string) (int64, error) {
	number := strings.TrimSuffix(strings.TrimSuffix(text, "B"), "i")
	factor := int64(1)
	if n := len(number); n > 0 {
		unit := number[n-1:]
		if unit == "K" || unit == "m" || unit == "g" || unit == "t" {
			unit = map[string]string{"K": "k", "m": "M", "g": "G", "t": "T"}[unit]
		}
		if i := strings.Index(byteUnits, unit); i >= 0 {
			factor <<= 10 * (i + 1)
			number = number[:n-1]
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 || n > math.MaxInt64/factor {
		return 0, fmt.Errorf("%q is not a size such as 500k, 10M or 1G", text)
	}
	return n * factor, nil
}

// byteSize returns a size in the form that parseByteSize reads.
func byteSize(n int64) string {
	unit := ""
	for i := 0; n%1024 == 0 && i < len(byteUnits); i++ {
		n, unit = n/1024, byteUnits[i:i+1]
	}
	return strconv.FormatInt(n, 10) + unit
}
