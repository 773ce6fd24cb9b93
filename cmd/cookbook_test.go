package cmd

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tools are stand-ins for programs that recipes name and test machines lack.
var tools = map[string]string{
	"fzf":       "head -n 1",
	"vi":        `[ -e "$2" ] && echo "$@" >edited`,
	"crontab":   `[ "$1" = - ] && cat >crontab.txt`,
	"pdftotext": `printf 'The first page.\n\fThe keys lie in the safe.\n\f'`,
}

// prepared are what recipes work on, beside the files of the page.
const prepared = `
: >manual.pdf
mkdir -p Maildir/cur && printf 'Subject: Trip\n\nThe ferry leaves at nine.\n' >Maildir/cur/1.mail
sqlite3 shop.db "CREATE TABLE goods (id, name, description, price); INSERT INTO goods VALUES ('p1', 'Pen', 'writes in blue', 3), ('b1', 'Boat', 'floats', 900)"
sheaf ingest --quiet -s made/.sheaf notes && sheaf export --quiet -s made/.sheaf faiss_index
`

// TestCookbook runs each recipe of docs/cookbook.md in a folder of its own.
func TestCookbook(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "docs", "cookbook.md"))
	if err != nil {
		t.Fatal(err)
	}
	intro, rest, _ := strings.Cut(string(text), "\n## ")
	for _, recipe := range strings.Split(rest, "\n## ") {
		title, _, _ := strings.Cut(recipe, "\n")
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, block := range fence.FindAllStringSubmatch(intro, -1) {
				writeFile(t, filepath.Join(dir, block[2]), block[3])
			}
			bin := filepath.Join(t.TempDir(), "bin")
			for name, script := range tools {
				writeFile(t, filepath.Join(bin, name), "#!/bin/sh\n"+script+"\n")
			}
			script := "set -e\n" + prepared
			for _, block := range fence.FindAllStringSubmatch(recipe, -1) {
				if block[1] == "sh" {
					script += block[3]
				}
			}
			c := exec.CommandContext(t.Context(), "sh", "-c", script)
			c.Dir = dir
			c.Env = append(append(os.Environ(), scrubbed(dir)...), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "EDITOR=vi")
			out, err := c.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			checkRecipe(t, title, dir, string(out))
		})
	}
}

// checkRecipe checks what a recipe printed or left.
func checkRecipe(t *testing.T, title, dir, out string) {
	t.Helper()
	want := map[string][2]string{ // what is looked at: a file, or what was printed; and what is in it
		"Ask from a shell script":               {"prompt.txt", "every month"},
		"Open the hit in an editor":             {"edited", "notes/printer.md"},
		"A git hook that keeps a store current": {"", "notes/printer.md"},
		"A store as an artefact of CI":          {"", "open the tray"},
		"Fail a build when answers get worse":   {"", "mrr@3\t1.0000"},
		"Cron":                                  {"crontab.txt", "nightly.sh"},
		"PDF":                                   {"", "manual.pdf, page 2"},
		"Mail":                                  {"", "mail/.sheaf Maildir/cur/1.mail"},
		"Near-duplicates":                       {"duplicates.jsonl", `"notes/tides.md"`},
		"A table of SQLite":                     {"", "p1"},
		"From LangChain and back":               {"", "back/index.pkl"},
		"An agent":                              {"answer.json", `"path":"notes/printer.md"`},
		"A rule of make":                        {".sheaf/.gitignore", "*"},
		"Backup":                                {"restored/.sheaf/.gitignore", "*"},
	}[title]
	got := out
	if want[0] != "" {
		content, err := os.ReadFile(filepath.Join(dir, want[0]))
		if err != nil {
			t.Fatal(err)
		}
		got = string(content)
	}
	if want[1] == "" || !strings.Contains(got, want[1]) {
		t.Errorf("%q is not in\n%s", want[1], got)
	}
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(content), 0o777)); err != nil {
		t.Fatal(err)
	}
}
