package cmd

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

type searchOptions struct {
	askFlags
	words queryWords
}

// fetchFirst is the help of --fetch-k.
const fetchFirst = "with --filter or --source, look at the `N` nearest documents only, as LangChain does"

// nearHelp is the paragraph about filters and thresholds in the help of verbs.
const nearHelp = `

A filter is exact: the hits are the nearest of all documents that match. With
--fetch-k N they are those that match among the N nearest, as with LangChain.
--score-threshold keeps scores up to a figure under l2, and from it on under ip
and cosine. --min-relevance keeps relevances, which are from 0 to 1 and higher
for nearer documents under every metric; --relevance-fn langchain computes
LangChain's instead.`

// hitsHelp are the paragraphs about hits in the help of search.
const hitsHelp = `

On a terminal each hit shows its rank, the figure that orders hits, its
relevance (with --verbose all figures), file:line, and of the text the lines
around the best match, with the words of the query in bold: --lines says how
many, --full shows all, --pretty does so on a pipe. Where no word occurs they
are those nearest in meaning, by builtin. Hits are ordered by

  fused      how near the meaning is, plus what the words of the query add
             (--explain shows both); words, with --mode words; rerank, with
             --rerank
  relevance  how near the meaning is, alone, from 0 to 1, with --mode vector

On a pipe each hit is a line of TSV: rank, score, id, file, line, text. The
score is that of the meaning in every mode, and the raw figure of Faiss: a
squared distance under l2, where lower is better, or an inner product under ip
and cosine, where higher is. --template '{{.rank}}\t{{.fused}}\t{{.path}}' has
the fused figure.`

func newSearchCmd(env *environment) *cobra.Command {
	var o searchOptions
	c := &cobra.Command{
		Annotations: takesManyStores,
		Use:         "search QUERY...",
		Short:       "Find the documents nearest to a text",
		Long: `Find the documents that answer a text, best first, by their meaning and by the
words that they share with it, such as names, error messages and identifiers.
The words of the query are joined by one blank; - reads it from stdin.

With --mode vector documents are found by meaning alone, with --mode words by
words alone. A store without words knows vectors only, and --fetch-k,
--score-threshold and --relevance-fn langchain choose them. Where --mode, or
SHEAF_MODE, says hybrid or words, a part of the query between quotes must occur,
but for case, accents and white space as it is typed; a word, or a part between
quotes, with a dash before it must not: 'timeout "connection refused" -proxy'. A
word is excluded in all of its forms. Two dashes, as of a flag, exclude nothing.
Else the query is taken as it is typed, so that error messages and commands can
be pasted. A query that begins with a dash follows --.` + hitsHelp + `

--store given more than once searches all of these stores in one ranking; each
hit then names its store. --context shows the chunks around each hit too. A
template is printed for each hit, and a newline after it.

With --explain each hit says how it was found: its rank and score by meaning and
by words, what each word of the query adds, and how the two are fused.

With --queries each line of a file is a query, or each line is an object
{"query"|"vector": ..., "id"?: ...} when the file begins with a brace; each is
answered by one line of JSON, in the order of the input.` + filterHelp + nearHelp + rerankHelp + exitStatus(0, 1, 2, 3, 4, 5, 10, 11, 12, 75, 130, 143),
		Example: `  sheaf search "how does a crash leave the store"
  sheaf search -k 1 --json where is the timeout set
  sheaf search -e --text "refund policy" > context.txt
  sheaf search --template '{{.score}} {{.source}}:{{.start_line}}' rotating keys
  sheaf search --source 'docs/**' -k 3 rotating keys
  sheaf search --mode words E0425 borrowed value
  sheaf search --mode hybrid 'timeout "connection refused" -proxy'
  sheaf search --mode hybrid --rerank builtin:multilingual:20 rotating keys
  sheaf search --per-source 1 --context 1 rotating keys
  sheaf search -s .sheaf -s notes/.sheaf rotating keys
  sheaf search --queries questions.txt`,
		PreRunE: func(_ *cobra.Command, args []string) error { return o.validate(env, args) },
		RunE:    func(c *cobra.Command, _ []string) error { return runSearch(c.Context(), env, &o) },
	}
	o.addFlags(env, c, fetchFirst)
	o.addPerSource(c.Flags())
	addMode(c)
	addRerank(c)
	c.Flags().BoolVar(&o.explain, "explain", false, "say of each hit why it was found")
	return c
}

func (o *searchOptions) validate(env *environment, args []string) error {
	o.words = args
	if err := o.words.validate(o.queries); err != nil {
		return err
	}
	o.choose(env.config)
	return o.askFlags.validate(env)
}

func runSearch(ctx context.Context, env *environment, o *searchOptions) error {
	return env.withAgreeing(ctx, func(s catalog) error {
		a := newAsker(env, s, &o.askFlags)
		if o.queries != "" {
			return a.askFile(ctx, textQuery)
		}
		return a.askWords(ctx, o.words)
	})
}

// queryWords are the words of a query on the command line.
type queryWords []string

// validate returns a usage error unless there is either a query or a file of queries.
func (words queryWords) validate(queries string) error {
	switch {
	case queries != "" && len(words) > 0:
		return usagef("a query and --queries cannot be used together")
	case queries == "" && strings.TrimSpace(strings.Join(words, "")) == "":
		return usagef("there is no query")
	case !stdinOnce(words):
		return errStdinTwice
	}
	return nil
}

func (a *asker) askWords(ctx context.Context, words queryWords) error {
	text, err := words.text(a.env)
	if err != nil {
		return err
	}
	return a.ask(ctx, query{text: text})
}

// text joins the words of the query. A dash stands for the content of stdin.
func (words queryWords) text(env *environment) (string, error) {
	words = slices.Clone(words)
	for i, w := range words {
		if w != "-" {
			continue
		}
		b, err := io.ReadAll(env.stdin("the query"))
		if err != nil {
			return "", fmt.Errorf("reading the query from stdin: %w", err)
		}
		words[i] = strings.TrimRight(string(b), "\r\n")
	}
	text := strings.Join(words, " ")
	if strings.TrimSpace(text) == "" {
		return "", usagef("the query on stdin is empty")
	}
	return text, nil
}
