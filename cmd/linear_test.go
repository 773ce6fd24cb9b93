//go:build !race

package cmd

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// counted are the packages whose statements are counted while inputs are read.
var counted = strings.Join([]string{
	"sheaf", "sheaf/internal/loader", "sheaf/internal/metadata", "sheaf/internal/splitter", "encoding/csv", "encoding/json", "github.com/dlclark/regexp2/v2",
}, ",")

// TestReadersAreLinear doubles an input and compares how many statements run, which
// a program that is built to count them tells: twice as many, not four times.
func TestReadersAreLinear(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "sheaf")
	build := exec.Command("go", "build", "-trimpath", "-cover", "-covermode=count", "-coverpkg="+counted, "-o", program, "sheaf")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	list := func(n int, separator, format string) string {
		items := make([]string, n)
		for i := range items {
			items[i] = fmt.Sprintf(format, i)
		}
		return strings.Join(items, separator)
	}
	for name, c := range map[string]struct {
		content func(n int) string
		args    []string
	}{
		"keys.jsonl":     {func(n int) string { return `{"text":"x",` + list(n, ",", `"k%d":1`) + "}\n" }, nil},
		"records.jsonl":  {func(n int) string { return list(n, "\n", `{"id":"i%d","text":"x","n":1}`) }, nil},
		"nested.jsonl":   {func(n int) string { return `{"text":"x","k":[` + list(n, ",", `{"a":%d}`) + "]}\n" }, nil},
		"columns.csv":    {func(n int) string { return "text," + list(n, ",", "c%d") + "\nx" + strings.Repeat(",1", n) + "\n" }, nil},
		"rows.csv":       {func(n int) string { return "id,text\n" + list(n, "\n", "%d,x") }, nil},
		"quotes.csv":     {func(n int) string { return "id,text\n1,\"" + strings.Repeat(`a""`, n) + "\"\n" }, nil},
		"paragraphs.txt": {func(n int) string { return list(n, "\n\n", "paragraph %d") }, nil},
		"line.txt":       {func(n int) string { return list(n, " ", "word%d") }, []string{"--splitter", "recursive"}},
		"sections.md":    {func(n int) string { return list(n, "\n\n", "# Section %d\n\ntext") }, []string{"--splitter", "markdown"}},
		"pattern.txt":    {func(n int) string { return list(n, ";", "word%d") }, []string{"--separator", ";(?=w)", "--separator-regex"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n = 4000
			once, twice := statements(t, program, name, c.content(n), c.args), statements(t, program, name, c.content(2*n), c.args)
			if once < n || float64(twice) > 2.3*float64(once) {
				t.Errorf("%d statements, and %d for twice as much", once, twice)
			}
		})
	}
}

// statements counts those that run while a file is read and split.
func statements(t *testing.T, program, name, content string, args []string) (n int) {
	t.Helper()
	dir := t.TempDir()
	counters := filepath.Join(dir, "counters")
	if err := os.Mkdir(counters, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, append([]string{"ingest", "--config", os.DevNull, "--quiet", "--dry-run"}, append(args, name)...)...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), scrubbed(dir)...), "GOCOVERDIR="+counters)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text := filepath.Join(dir, "counters.txt")
	if out, err := exec.Command("go", "tool", "covdata", "textfmt", "-i="+counters, "-o="+text).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	all, err := os.ReadFile(text)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(all))
	for lines.Scan() { // FILE:FROM,TO STATEMENTS TIMES, after a line with the mode
		var place string
		var size, times int
		if _, err := fmt.Sscan(lines.Text(), &place, &size, &times); err == nil {
			n += size * times
		}
	}
	return n
}
