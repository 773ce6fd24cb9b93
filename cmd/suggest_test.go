package cmd

import (
	"slices"
	"strings"
	"testing"

	"sheaf/internal/hint"
)

// What other programs call a verb leads to one that there is.
func TestMeant(t *testing.T) {
	t.Parallel()
	var names []string
	for _, v := range verbs() {
		names = append(names, v.name)
	}
	isVerb := func(name string) bool { return slices.Contains(names, name) }
	for name, want := range map[string]string{
		"rm": "delete", "add": "ingest", "query": "search", "status": "info", "ls": "list", "cat": "get", "new": "init",
		"fsck": "check", "gc": "compact", "dedupe": "duplicates", "nosuch": "", "save": "export", "load": "ingest import",
		"similarity_search_with_score": "search", "asimilarity_search_by_vector": "search-vector", "aadd_texts": "ingest",
		"max_marginal_relevance_search": "mmr", "save_local": "export", "load_local": "import", "merge_from": "merge", "get_by_ids": "get",
	} {
		if got := strings.Join(meant(name), " "); got != want {
			t.Errorf("%s leads to %q, want %q", name, got, want)
		}
	}
	for _, row := range verbsMeant {
		if slices.ContainsFunc(strings.Fields(row.names), isVerb) || !contains(names, row.verbs) {
			t.Errorf("%q is a verb, or one of %q is none", row.names, row.verbs)
		}
	}
}

// A flag that users of other programs type leads to one of the verb, or of another verb.
func TestFlagHint(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ verb, given, want string }{
		{"search", "--top-k", "did you mean -k?"},
		{"search", "--topk", "did you mean -k?"},
		{"search", "--limit", "did you mean -k?"},
		{"search", "-n5", "did you mean -k?"},
		{"search", "--all", "did you mean -k?"},
		{"search", "--lambda-mult", "--lambda is a flag of sheaf mmr"},
		{"search", "--lambda", "--lambda is a flag of sheaf mmr"},
		{"mmr", "--lambda-mult", "did you mean --lambda?"},
		{"search", "--threshold", "did you mean --score-threshold?"},
		{"search", "--score", "did you mean --score-threshold?"},
		{"search", "--filer", "did you mean --filter?"},
		{"search", "-filer=a", "did you mean --filter?"},
		{"search", "--where", "did you mean --filter?"},
		{"search", "--model", "did you mean --embedder?"},
		{"search", "--format", "--json, --jsonl, --text and --template choose what is printed"},
		{"info", "--format", "did you mean --json?"},
		{"search", "--db", "did you mean --store?"},
		{"search", "--prune", "--prune is a flag of sheaf ingest"},
		{"search", "-dog", "what begins with a dash and is no flag goes behind --: sheaf search -- -dog"},
		{"search", "-it's", `what begins with a dash and is no flag goes behind --: sheaf search -- '-it'\''s'`},
		{"search", "-x", ""},
		{"search", "--nosuch", ""},
		{"info", "--all", ""},
		{"info", "--limit", "--limit is a flag of sheaf list"},
		{"list", "-k", "did you mean --limit?"},
		{"list", "--all", "--source '**' is all documents"},
		{"get", "--full", "did you mean --text?"},
		{"delete", "--all", "--source '**' is all documents"},
		{"delete", "--force", "did you mean --yes?"},
		{"delete", "-r", "--source FOLDER is all that is below it"},
		{"ingest", "--recursive", "a folder is read with all that is below it"},
		{"ingest", "--glob", "did you mean --include?"},
		{"ingest", "--size", "did you mean --batch-size, --chunk-size or --max-file-size?"},
		{"import", "--distance-strategy", "did you mean --metric?"},
	} {
		root := Command()
		root.SetArgs([]string{test.verb, test.given, "x"})
		c, err := root.ExecuteC()
		if got := hint.Of(err); got != test.want || !as[*usageError](err) {
			t.Errorf("%s %s: %v, hint %q, want %q", c.Name(), test.given, err, got, test.want)
		}
	}
	for _, row := range flagsMeant {
		if !slices.ContainsFunc(verbs(), func(v verb) bool { return v.command(&environment{}).Flags().Lookup(row.flag) != nil }) && row.flag != "store" && row.flag != "json" {
			t.Errorf("no verb has the flag %q", row.flag)
		}
	}
}
