package cmd

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"sheaf/internal/embed"
	"sheaf/internal/embed/embedtest"
	"sheaf/internal/model/modeltest"
	"sheaf/internal/transformer/transformertest"
	"sheaf/internal/vector"
)

// TestExamples runs every line of every verb's examples in a folder with the files
// that they name.
func TestExamples(t *testing.T) {
	t.Parallel()
	service := embedtest.NewServer(embedtest.ServerOptions{})
	t.Cleanup(service.Close)
	weights := t.TempDir()
	if err := exampleModel.Write(weights); err != nil {
		t.Fatal(err)
	}
	hub := modeltest.NewHub("BAAI/bge-small-en-v1.5", weights)
	t.Cleanup(hub.Close)
	for _, c := range commands(Command()) {
		t.Run(c.CommandPath(), func(t *testing.T) {
			t.Parallel()
			dir := exampleFolder(t)
			env := append(os.Environ(), scrubbed(dir)...)
			env = append(env, "OPENAI_API_KEY=key", "OPENAI_BASE_URL="+service.URL, "HF_ENDPOINT="+hub.URL)
			if c.Name() != "init" {
				shell(t, dir, env, "sheaf ingest --quiet docs notes.txt tickets.jsonl")
			}
			if c.Name() == "merge" {
				shell(t, dir, env, "sheaf ingest --quiet --store shards/a docs")
				shell(t, dir, env, "sheaf ingest --quiet --store shards/b notes.txt")
			}
			if c.Name() == "search" {
				shell(t, dir, env, "sheaf ingest --quiet --store notes/.sheaf notes.txt")
			}
			if c.Name() == "compare" {
				shell(t, dir, env, "sheaf eval labelled.jsonl --save after.json")
				shell(t, dir, env, "sheaf eval labelled.jsonl --save before.json")
			}
			if c.Name() == "tune" {
				shell(t, dir, env, `for i in $(seq 24); do echo '{"query": "crash '$i'", "expect": ["docs/**"]}'; done > questions.jsonl`)
				shell(t, dir, env, `for i in $(seq 100); do echo "record $i"; done > asked.txt`)
				shell(t, dir, env, `seq 20000 | sed 's/.*/{"text": "record &"}/' > many.jsonl; sheaf ingest --quiet many.jsonl`)
			}
			if strings.HasPrefix(c.CommandPath(), "sheaf config") {
				shell(t, dir, env, "sheaf config set mode hybrid")
				shell(t, dir, env, "sheaf config set embedder builtin")
			}
			if c.Name() == "import" {
				shell(t, dir, env, "sheaf export --quiet faiss_index")
				shell(t, dir, env, "sheaf export --quiet documents.jsonl")
			}
			if strings.TrimSpace(c.Example) == "" {
				t.Fatal("no example")
			}
			for line := range strings.Lines(c.Example) {
				shell(t, dir, env, strings.TrimSpace(line))
			}
		})
	}
}

// commands returns c and every verb below it.
func commands(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, below := range c.Commands() {
		all = append(all, commands(below)...)
	}
	return all
}

// exampleModel is the model that the examples name.
var exampleModel = transformertest.Model{Normalize: true}

func shell(t *testing.T, dir string, env []string, line string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "sh", "-c", line)
	c.Dir, c.Env = dir, env
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", line, err, out)
	}
}

// exampleFolder returns a folder with the files that the examples name.
func exampleFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	query := make([]float32, 256)
	query[0] = 1
	raw := vector.Bytes(query)
	models := filepath.Join(dir, "data", "sheaf", "models", filepath.FromSlash(embed.MiniLM))
	if err := errors.Join(exampleModel.Write(models), exampleModel.Write(filepath.Join(dir, "my-model"))); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"docs/store.md":   "# The store\n\nA crash leaves the store in its old or its new state.\n",
		"docs/drafts/x":   "A draft about keys.\n",
		"notes.txt":       "The timeout is set in the settings.\n\nRefund policy: within a month.\n",
		"tickets.jsonl":   `{"id": "ticket-17", "text": "The printer is on fire."}` + "\n",
		"questions.txt":   "where is the timeout set\nrefunds\n",
		"labelled.jsonl":  `{"query": "where is the timeout set", "expect": ["notes.txt"]}` + "\n",
		"ids.txt":         "ticket-17\nticket-18\n",
		"titles.txt":      "stars\nnavigation\n",
		"query.f32":       string(raw),
		"query.npy":       string(vector.NpyHeader(1, len(query))) + string(raw),
		"docs/.gitignore": "",
	} {
		writeFile(t, filepath.Join(dir, name), content)
	}
	return dir
}

// TestVerbs checks the help of every verb.
func TestVerbs(t *testing.T) {
	t.Parallel()
	for _, c := range commands(Command()) {
		checkHelp(t, c)
	}
}

func checkHelp(t *testing.T, c *cobra.Command) {
	t.Helper()
	if c.Short == "" || strings.HasSuffix(c.Short, ".") {
		t.Errorf("%s: Short is %q", c.Name(), c.Short)
	}
	if !strings.Contains(c.Long, "\n\nEXIT STATUS\n  0    done") {
		t.Errorf("%s: Long has no exit status", c.Name())
	}
	for line := range strings.Lines(c.Long) {
		if len([]rune(strings.TrimRight(line, "\n"))) > 80 {
			t.Errorf("%s: a line of Long is not wrapped: %q", c.Name(), line)
		}
	}
}
