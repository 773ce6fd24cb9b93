package cmd

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// fence is a code block: its language, the file that it is, if any, its lines.
var fence = regexp.MustCompile("(?m)^```(\\w+)(?: (\\S+))?\n((?s:.*?))^```$")

// TestDocs runs the commands in the documentation that are shown with their output.
func TestDocs(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"evaluation.md", "filters.md"} {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join("..", "docs", page))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			run := 0
			for _, block := range fence.FindAllStringSubmatch(string(text), -1) {
				switch language, file, lines := block[1], block[2], block[3]; {
				case file != "":
					path := filepath.Join(dir, file)
					if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(lines), 0o666)); err != nil {
						t.Fatal(err)
					}
				case language == "console":
					run += console(t, dir, lines)
				}
			}
			if run == 0 {
				t.Error("the page has no commands")
			}
		})
	}
}

// calls are the public methods of LangChain's FAISS class, without the async forms.
var calls = []string{
	"add_documents", "add_embeddings", "add_texts", "as_retriever", "delete", "deserialize_from_bytes", "embeddings", "from_documents",
	"from_embeddings", "from_texts", "get_by_ids", "load_local", "max_marginal_relevance_search", "max_marginal_relevance_search_by_vector",
	"merge_from", "save_local", "search", "serialize_to_bytes", "similarity_search", "similarity_search_by_vector",
	"similarity_search_with_relevance_scores", "similarity_search_with_score", "similarity_search_with_score_by_vector",
	"distance_strategy", "docstore", "index_name", "index_to_docstore_id", "normalize_L2", "relevance_score_fn",
	"similarity_score_threshold", "fetch_k", "lambda_mult", "score_threshold", "filter",
}

// TestEveryCallHasItsCommand checks that docs/langchain.md has a command of sheaf for each of
// LangChain's calls.
func TestEveryCallHasItsCommand(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "docs", "langchain.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range calls {
		row := regexp.MustCompile(`(?m)^\|[^|]*\b` + call + `\b[^|]*\|[^|]*(sheaf|--)`)
		if !row.Match(text) {
			t.Errorf("no row has %s beside a command", call)
		}
	}
}

// console runs the lines that begin with a dollar sign and compares their output
// with the lines that follow. It returns the number of commands.
func console(t *testing.T, dir, lines string) (run int) {
	t.Helper()
	for _, part := range strings.Split("\n"+lines, "\n$ ")[1:] {
		command, want, _ := strings.Cut(part, "\n")
		c := exec.CommandContext(t.Context(), "sh", "-c", command)
		c.Dir, c.Env = dir, append(os.Environ(), scrubbed(dir)...)
		out, _ := c.CombinedOutput() // a mistake that the page shows fails
		if got := strings.TrimSuffix(string(out), "\n"); got != strings.TrimSuffix(want, "\n") {
			t.Errorf("%s:\n%s\nthe page says:\n%s", command, got, want)
		}
		run++
	}
	return run
}
