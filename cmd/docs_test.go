package cmd

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

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

// cut is a threshold with a figure; pairs are the flags of a verb that compares documents with each other.
var (
	cut   = regexp.MustCompile(`--(min-relevance|score-threshold)[ =]*[0-9]*\.?[0-9]+`)
	pairs = regexp.MustCompile("sheaf duplicates[^|`]*$")
)

// recipes returns the thresholds that a text teaches. What stands beside a call of LangChain's says the
// same to sheaf, and of duplicates the user looks at some first.
func recipes(text string) (found []string) {
	for line := range strings.Lines(text) {
		if strings.Contains(line, "score_threshold") || strings.Contains(line, "_with_relevance_scores") {
			continue
		}
		for _, at := range cut.FindAllStringIndex(line, -1) {
			if !pairs.MatchString(line[:at[0]]) {
				found = append(found, strings.TrimSpace(line))
			}
		}
	}
	return found
}

// TestNoRecipeTeachesAThreshold: no figure divides right from wrong, so help and documentation have none but
// those that docs/embedders.md measured, and a search has none of its own.
func TestNoRecipeTeachesAThreshold(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"$ sheaf search --min-relevance 0.7 tides": 1, "use `--score-threshold=.8`, or `--min-relevance 1`": 2,
		"| `score_threshold=0.8` | `--score-threshold 0.8` |": 0, "sheaf duplicates --min-relevance 0.99": 0,
		"sheaf duplicates | x; sheaf mmr --min-relevance 0.5 q": 1, "`--min-relevance R`": 0,
	} {
		if got := recipes(text); len(got) != want {
			t.Errorf("%q: %q, want %d", text, got, want)
		}
	}
	for page, text := range pages(t) {
		for _, line := range recipes(text) {
			t.Errorf("%s: %s", page, line)
		}
	}
	for _, c := range commands(Command()) {
		for _, line := range recipes(c.Long + "\n" + c.Example + "\n" + c.Flags().FlagUsages()) {
			t.Errorf("%s: %s", c.CommandPath(), line)
		}
		for _, name := range []string{"min-relevance", "score-threshold"} {
			if f := c.Flags().Lookup(name); f != nil && c.Name() != "duplicates" && f.DefValue != "" {
				t.Errorf("%s: --%s is %s where nobody says so", c.CommandPath(), name, f.DefValue)
			}
		}
	}
}

// TestTheThresholdIsMeasured compares what docs/embedders.md says of the one figure that it names with its table.
func TestTheThresholdIsMeasured(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "docs", "embedders.md"))
	if err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile(`\*\*(0\.\d+) is the figure for both\*\*: it keeps (0\.\d+) \(.builtin.\) and (0\.\d+)\s+\(.minilm.\) of the right answers, ` +
		`and drops (0\.\d+) and (0\.\d+) of the unrelated questions; in the worst set (0\.\d+) and (0\.\d+), and (0\.\d+) and (0\.\d+)\.`).FindSubmatch(text)
	if said == nil {
		t.Fatal("the sentence is not there")
	}
	const span = `0\.\d+ \(0\.\d+ to 0\.\d+\)`
	row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(string(said[1])) + ` ` + strings.Repeat(`\| `+span+` \| (0\.\d+) \((0\.\d+) to \d\.\d+\) \| (0\.\d+) \(0\.\d+ to (0\.\d+)\) `, 2) + `\|$`).FindSubmatch(text)
	if row == nil {
		t.Fatalf("the table has no row %s", said[1])
	}
	for i, want := range []struct {
		column int
		rest   bool // what is dropped is what does not pass
	}{{1, false}, {5, false}, {3, true}, {7, true}, {2, false}, {6, false}, {4, true}, {8, true}} {
		measured, err := strconv.ParseFloat(string(row[want.column]), 64)
		if err != nil {
			t.Fatal(err)
		}
		if want.rest {
			measured = 1 - measured
		}
		if got := string(said[2+i]); got != strconv.FormatFloat(measured, 'f', 2, 64) {
			t.Errorf("the page says %s, the table %.2f", got, measured)
		}
	}
}
