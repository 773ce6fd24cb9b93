package cmd

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sheaf/internal/hint"
)

// No name has a second one: what users of other programs type is an error, and its hint has the name
// here. These tables are such names by what they mean; misspellings need no row.

// verbsMeant are verbs and the names, blanks between, that other programs and LangChain have for them.
// A row with several verbs is a name that may mean each.
var verbsMeant = []struct {
	names string
	verbs []string
}{
	{"load", []string{"ingest", "import"}},
	{"show", []string{"get", "info"}},
	{"add index insert update reindex rebuild refresh sync upsert from-documents from-texts add-documents add-texts", []string{"ingest"}},
	{"query find ask grep knn nearest similarity-search similarity-search-with-score similarity-search-with-relevance-scores", []string{"search"}},
	{"similarity-search-by-vector similarity-search-with-score-by-vector", []string{"search-vector"}},
	{"diversify max-marginal-relevance-search max-marginal-relevance-search-by-vector", []string{"mmr"}},
	{"ls sources dump", []string{"list"}},
	{"cat get-by-ids", []string{"get"}},
	{"rm remove del drop", []string{"delete"}},
	{"save save-local serialize-to-bytes", []string{"export"}},
	{"restore load-local deserialize-from-bytes from-embeddings", []string{"import"}},
	{"merge-from join append", []string{"merge"}},
	{"status stat stats count", []string{"info"}},
	{"new create", []string{"init"}},
	{"verify fsck doctor repair", []string{"check"}},
	{"gc vacuum clean", []string{"compact"}},
	{"dedupe", []string{"duplicates"}},
	{"encode vectorize embed-query", []string{"embed"}},
	{"chunk", []string{"split"}},
	{"serve server", []string{"mcp"}},
	{"settings set", []string{"config"}},
}

// flagsMeant are flags and the names that other programs have for them. The first row that names what is
// given and a flag of the verb counts; its remark, where it has one, is the hint.
var flagsMeant = []struct{ names, flag, remark string }{
	{"top-k topk top n limit count max max-results num all", "k", ""},
	{"top n head count max k", "limit", ""},
	{"all", "source", "--source '**' is all documents"},
	{"full whole content", "text", ""},
	{"where", "filter", ""},
	{"lambda-mult diversity", "lambda", ""},
	{"query question q", "queries", "a question needs no flag: sheaf search QUESTION"},
	{"score min-score max-distance cutoff", "score-threshold", ""},
	{"format output", "template", "--json, --jsonl, --text and --template choose what is printed"},
	{"format output", "json", ""},
	{"model embedding embeddings embedding-model", "embedder", ""},
	{"db database collection dir persist-directory", "store", ""},
	{"recursive r", "include", "a folder is read with all that is below it"},
	{"recursive r", "source", "--source FOLDER is all that is below it"},
	{"glob pattern ext", "include", ""},
	{"force f y assume-yes", "yes", ""},
	{"distance distance-strategy", "metric", ""},
}

// unknownVerb is the error of a verb that there is not.
func unknownVerb(root *cobra.Command, verb string) error {
	err := usagef("unknown verb %q", verb)
	if own := meant(verb); len(own) > 0 {
		return hint.With(err, "did you mean sheaf %s?", strings.Join(own, " or sheaf "))
	}
	if near := root.SuggestionsFor(verb); len(near) > 0 {
		nearest := slices.MinFunc(near, func(a, b string) int { return edits(verb, a) - edits(verb, b) })
		return hint.With(err, "did you mean sheaf %s?", nearest)
	}
	return hint.With(err, "see sheaf --help")
}

// meant returns the verbs that do what other programs call by this name. LangChain's methods have
// underscores, and an a before their names where they are asynchronous.
func meant(name string) []string {
	name = strings.ReplaceAll(name, "_", "-")
	for _, row := range verbsMeant {
		if names := strings.Fields(row.names); slices.Contains(names, name) || slices.Contains(names, strings.TrimPrefix(name, "a")) {
			return row.verbs
		}
	}
	return nil
}

// flagError is the error of a mistake in a flag.
func flagError(c *cobra.Command, err error) error {
	wrong := &usageError{plainFlagError(err)}
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return wrong
	}
	name, cluster := unknown.GetSpecifiedName(), unknown.GetSpecifiedShortnames()
	if cluster != "" { // what stands behind a single dash, as in -n5 and in -limit=5
		name, _, _ = strings.Cut(strings.TrimRight(cluster, "0123456789"), "=")
	}
	remedy := flagHint(c, name)
	if remedy == "" && len(name) > 1 && cluster != "" && c.HasParent() {
		remedy = fmt.Sprintf("what begins with a dash and is no flag goes behind --: %s -- %s", c.CommandPath(), hint.ShellQuote("-"+cluster))
	}
	if remedy == "" {
		return wrong
	}
	return hint.With(wrong, "%s", remedy)
}

// plainFlagError removes the name of the strconv function from an error about a flag.
func plainFlagError(err error) error {
	message := err.Error()
	if before, after, found := strings.Cut(message, ": strconv."); found {
		_, reason, _ := strings.Cut(after, `": `)
		return errors.New(before + ": " + reason)
	}
	return err
}

// flagHint tells which flag of a verb, or of another one, may be meant by a name; "" where none is.
func flagHint(c *cobra.Command, name string) string {
	for _, row := range flagsMeant {
		if c.Flag(row.flag) != nil && slices.Contains(strings.Fields(row.names), name) {
			if row.remark != "" {
				return row.remark
			}
			return "did you mean " + asTyped(row.flag) + "?"
		}
	}
	if near := nearestFlag(c, name); near != "" {
		return "did you mean " + asTyped(near) + "?"
	}
	if within := flagsWithin(c, name); 0 < len(within) && len(within) <= suggestedMost {
		return "did you mean " + oneOf(within) + "?"
	}
	return flagElsewhere(name)
}

// flagElsewhere tells which verb has the flag that may be meant by a name.
func flagElsewhere(name string) string {
	if name == "all" { // a verb without such a flag takes all
		return ""
	}
	flags := []string{name}
	for _, row := range flagsMeant {
		if slices.Contains(strings.Fields(row.names), name) {
			flags = append(flags, row.flag)
		}
	}
	for _, flag := range flags {
		for _, v := range verbs() {
			if v.command(&environment{}).Flags().Lookup(flag) != nil {
				return fmt.Sprintf("%s is a flag of sheaf %s", asTyped(flag), v.name)
			}
		}
	}
	return ""
}

// asTyped is a flag as it is typed.
func asTyped(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// nearestFlag is the flag whose name is that which was given but for a few letters, "" where none is.
func nearestFlag(c *cobra.Command, given string) string {
	best, nearest := "", max(1, len(given)/3)
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if d := edits(given, f.Name); d <= nearest && !f.Hidden && len(given) > 1 && len(f.Name) > 1 && (best == "" || d < nearest) {
			best, nearest = f.Name, d
		}
	})
	return best
}

// suggestedMost is the number of flags from which a user may choose.
const suggestedMost = 3

// flagsWithin are the flags of whose names all words were given, as of lambda in lambda-mult, or that have
// all words which were given, as score-threshold has threshold.
func flagsWithin(c *cobra.Command, given string) (found []string) {
	words := strings.Split(given, "-")
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if own := strings.Split(f.Name, "-"); !f.Hidden && (contains(own, words) || contains(words, own)) {
			found = append(found, asTyped(f.Name))
		}
	})
	return found
}

// contains reports whether all has each of some.
func contains(all, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// edits is the number of letters to add, remove or replace that makes a of b.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := corner
			if a[i] != b[j] {
				replaced++
			}
			corner = row[j+1]
			row[j+1] = min(replaced, row[j]+1, corner+1)
		}
	}
	return row[len(b)]
}
