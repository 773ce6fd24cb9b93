package cmd

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sheaf/internal/binding"
	"sheaf/internal/embed"
	"sheaf/internal/engine"
	"sheaf/internal/hint"
	"sheaf/internal/ingest"
	"sheaf/internal/language"
	"sheaf/internal/metadata"
	"sheaf/internal/progress"
	"sheaf/internal/provider"
)

type ingestOptions struct {
	roots           []string
	filesFrom       string // a file that names further roots
	null            bool   // they end with NUL
	name            string
	metaFlags       []string
	meta            []ingest.Meta
	force, failFast bool
	prune, dryRun   bool
	price           float64
	priceGiven      bool

	splitter splitterFlags
	loader   loaderFlags
	embedder embedderFlags
	facts    factFlags
}

func newIngestCmd(env *environment) *cobra.Command {
	var o ingestOptions
	c := &cobra.Command{
		Use:   "ingest PATH...",
		Short: "Load, split, embed and store texts",
		Long: `Load files, folders or stdin (-), split them into chunks, embed the chunks and
store them. Run again, it stores only what is new or has changed, and takes away
the chunks that a source no longer has.

The store is made by the first run that stores something; --embedder, --metric
and --normalize are fixed then. Without --embedder the first texts, 64 at most,
decide: builtin for English, builtin:multilingual where a quarter or more of
their telltale words is not English. Fewer such texts, or later ones, bring a
notice.
Source code and Markdown are divided as suits their language, other texts at
blank lines, unless a splitter is named. Splitter flags and --meta are
remembered with each source and used again when a later run gives none.

Folders are read recursively; hidden files and what .gitignore or .sheafignore
rule out are left alone. Of HTML the visible text is read. JSONL and CSV files
and JSON arrays hold records, {"text", "id"?, "metadata"?, "vector"?, ...},
which are split only when --splitter is given. With --embedder none a new store
takes records with vectors as long as the first. Stdin is a source of its own
each time, unless --name names it.

--prune removes sources whose files are gone from the given folders, those of
missing or empty subfolders too, but none below a given folder that is itself
missing or empty or has anything that cannot be read. --dry-run says what would
be done and what it would cost, and does nothing.

An input that cannot be read fails alone: it is listed, everything else is
stored, and the exit status is 3.` + exitStatus(0, 1, 2, 3, 5, 11, 12, 75, 130, 143),
		Example: `  sheaf ingest docs notes.txt
  sheaf ingest --splitter markdown --meta lang=en docs
  git log | sheaf ingest --name git-log -
  sheaf ingest --format jsonl --meta year:=2024 tickets.jsonl
  sheaf ingest --include '*.md' --exclude drafts/ --json docs
  git ls-files -z '*.md' | sheaf ingest --files-from - -0`,
		PreRunE: func(c *cobra.Command, args []string) error { return o.validate(c, args) },
		RunE:    func(c *cobra.Command, _ []string) error { return runIngest(c.Context(), env, &o) },
	}
	f := c.Flags()
	f.StringVar(&o.filesFrom, "files-from", "", "read also the files and folders that `FILE` (- is stdin) names, one a line")
	f.BoolVarP(&o.null, "null", "0", false, "the names of --files-from end with NUL, as find -print0 writes them")
	f.StringVar(&o.name, "name", "", "the `NAME` of stdin as a source; the same name replaces")
	f.StringArrayVar(&o.metaFlags, "meta", nil, "add `KEY=VALUE` (a string) or KEY:=JSON to each document's metadata (repeatable)")
	f.BoolVar(&o.force, "force", false, "read and split every source again, changed or not")
	f.BoolVar(&o.failFast, "fail-fast", false, "stop at the first input that fails")
	f.BoolVar(&o.prune, "prune", false, "remove sources whose files are gone from the given folders, if they are not empty and can be read")
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be done; ask no service and store nothing")
	f.Float64Var(&o.price, "price-per-million", 0, "say what the tokens cost at `PRICE` a million")
	o.splitter.addFlags(c)
	o.loader.addFlags(c)
	o.embedder.addFlags(c)
	o.facts.addFlags(c)
	return c
}

func (o *ingestOptions) validate(c *cobra.Command, args []string) error {
	o.roots = args
	o.embedder.TellsLong, o.embedder.TellsForeign = true, true
	switch {
	case o.filesFrom == "-" && slices.Contains(args, "-"):
		return errStdinTwice
	case o.null && o.filesFrom == "":
		return usagef("--null is about --files-from")
	case o.filesFrom == "" || len(args) > 0:
		if err := validRoots(args); err != nil {
			return err
		}
	}
	if c.Flags().Changed("name") && (o.name == "" || !slices.Contains(args, "-")) {
		return usagef("--name names stdin: it needs - as a path, and must not be empty")
	}
	for _, text := range o.metaFlags {
		m, err := parseMeta(text)
		if err != nil {
			return err
		}
		o.meta = append(o.meta, m)
	}
	if o.priceGiven = c.Flags().Changed("price-per-million"); o.price < 0 || math.IsNaN(o.price) || math.IsInf(o.price, 0) {
		return usagef("--price-per-million must not be negative")
	}
	return errors.Join(o.splitter.validate(c), o.loader.validate(), o.embedder.validate(), o.facts.validate(c))
}

// parseMeta parses KEY=VALUE, whose value is a string, or KEY:=JSON.
func parseMeta(text string) (ingest.Meta, error) {
	key, value, ok := strings.Cut(text, "=")
	name, isJSON := strings.CutSuffix(key, ":")
	switch {
	case !ok || name == "":
		return ingest.Meta{}, usagef("--meta %q is neither KEY=VALUE nor KEY:=JSON", text)
	case !isJSON:
		return ingest.Meta{Key: key, Value: metadata.Quote(value)}, nil
	case !json.Valid([]byte(value)):
		return ingest.Meta{}, usagef("--meta %q: what follows := is not JSON", text)
	}
	return ingest.Meta{Key: name, Value: json.RawMessage(value)}, nil
}

func runIngest(ctx context.Context, env *environment, o *ingestOptions) error {
	if err := o.addFiles(env); err != nil {
		return err
	}
	if slices.Contains(o.roots, "-") {
		env.tellTyped("a text")
	}
	counter := new(progress.Counter)
	if o.dryRun {
		return env.dryRun(ctx, o, counter)
	}
	w, e, created, err := env.openToIngest(ctx, o, counter)
	if err != nil {
		return err
	}
	removal := ""
	err = env.summarise(e, o, counter, "embedding", func(options ingest.Options) (ingest.Summary, error) {
		options.New = created
		sum, err := ingest.Run(ctx, w, e, options)
		if sum.NoStore = created && sum.Sources.Added == 0 && sum.Chunks.Total == 0; sum.NoStore {
			env.started.notices.add(nothingStored)
		} else if created {
			env.tellStoreAbove(options.Notice)
		}
		if err == nil {
			err = env.index(ctx, w)
		}
		if o.prune {
			removal = env.removal(ctx, w, sum.Failures)
		}
		return sum, err
	})
	if removal != "" && as[*partialError](err) {
		err = hint.With(err, "%s", removal)
	}
	return errors.Join(err, w.Discard())
}

// addFiles adds what --files-from names to the roots.
func (o *ingestOptions) addFiles(env *environment) error {
	if o.filesFrom == "" {
		return nil
	}
	end := "\n"
	if o.null {
		end = "\x00"
	}
	err := env.withInput(o.filesFrom, "paths, one a line,", func(r io.Reader) error {
		names, err := io.ReadAll(r)
		for name := range strings.SplitSeq(string(names), end) {
			if !o.null {
				name = strings.TrimSuffix(name, "\r")
			}
			if name == "-" {
				return usagef("--files-from %q names -: only an argument can be stdin", o.filesFrom)
			}
			if name != "" {
				o.roots = append(o.roots, name)
				o.loader.walk.Listed++
			}
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return hint.With(usagef("--files-from: %w", err), "name a file that lists paths, one a line, or - for stdin")
	}
	return err
}

// openToIngest opens the store for writing, or creates it, and makes its embedder.
func (env *environment) openToIngest(ctx context.Context, o *ingestOptions, counter *progress.Counter) (w writer, e embed.Embedder, created bool, err error) {
	w, created, err = env.openOrCreate(ctx, env.storeOptions(nil), func() (f engine.Facts, err error) {
		if e, err = env.chosenEmbedder(ctx, o, counter); err != nil {
			return f, err
		}
		dim := o.embedder.Dimensions
		if dim == 0 && e.Identity().Provider == embed.None {
			err = env.peek(o, func(options ingest.Options) (err error) {
				dim, err = ingest.Dim(ctx, options)
				return err
			})
			if err != nil {
				return f, err
			}
		}
		return o.facts.of(binding.Facts(ctx, e, dim))
	})
	if err != nil || created {
		return w, e, created, err
	}
	if e, err = env.bound(w, o.facts, o.embedder, counter); err != nil {
		return nil, nil, false, errors.Join(orAnew(ctx, w, err), w.Close())
	}
	return w, e, false, nil
}

// orAnew adds a way out to an error where the store is not as the flags ask for, but is empty: a first run that was
// killed leaves it so.
func orAnew(ctx context.Context, s reader, err error) error {
	if info, failed := s.Info(ctx); failed == nil && info.Documents == 0 && as[*engine.MismatchError](err) {
		return hint.With(err, "the store is empty: remove it, or %s", hint.Of(err))
	}
	return err
}

// chosenEmbedder makes the embedder of a new store: the one that the settings name, or of those in
// the program the one that suits the language of the first texts.
func (env *environment) chosenEmbedder(ctx context.Context, o *ingestOptions, counter *progress.Counter) (embed.Embedder, error) {
	spec := env.config.Embedder
	if spec == "" {
		var texts language.Evidence
		var foreign string
		err := env.peek(o, func(options ingest.Options) (err error) {
			texts, foreign, err = ingest.Language(ctx, options)
			return err
		})
		if err != nil {
			return nil, err
		}
		if spec = provider.Default; texts.Partly() {
			spec = provider.Multilingual
			env.notice("not all texts are English" + suchAs(foreign) + ": the store gets the embedder " + spec +
				", for 16 languages (sheaf help init names them); --embedder names another")
		}
	}
	return env.embedder(spec, o.embedder, counter)
}

// suchAs names an example, where there is one.
func suchAs(source string) string {
	if source == "" {
		return ""
	}
	return fmt.Sprintf(", such as %q", source)
}

// peek lets look read the inputs before the run does. What it reads of standard input is
// read again by the run.
func (env *environment) peek(o *ingestOptions, look func(ingest.Options) error) error {
	var read bytes.Buffer
	in := env.streams.In
	defer func() { env.streams.In = io.MultiReader(&read, in) }()
	return look(ingest.Options{Stdin: io.TeeReader(in, &read), Roots: o.roots, Walk: env.walkOptions(o.loader), Read: o.loader.read})
}

// bound returns the embedder of a store, whose facts it compares with the flags.
func (env *environment) bound(s reader, facts factFlags, o embedderFlags, counter *progress.Counter) (embed.Embedder, error) {
	if err := facts.check(s.Facts()); err != nil {
		return nil, err
	}
	return env.boundEmbedder(s.Facts(), o, counter)
}

// dryRun prints what an ingest would do. It opens the store for reading, where
// there is one.
func (env *environment) dryRun(ctx context.Context, o *ingestOptions, counter *progress.Counter) error {
	plan := func(s ingest.Reader, e embed.Embedder) error {
		return env.summarise(e, o, counter, "counting", func(options ingest.Options) (ingest.Summary, error) {
			sum, err := ingest.DryRun(ctx, s, e, options)
			sum.NoStore = s == nil && sum.Chunks.Total == 0
			return sum, err
		})
	}
	err := env.withStore(ctx, func(s reader) error {
		e, err := env.bound(s, o.facts, o.embedder, counter)
		if err != nil {
			return err
		}
		return plan(s, e)
	})
	if !errors.Is(err, engine.ErrNotExist) {
		return err
	}
	e, err := env.chosenEmbedder(ctx, o, counter)
	if err != nil {
		return err
	}
	return plan(nil, e)
}

// nothingStored is said of a first run that leaves no store.
const nothingStored = "nothing was stored, so no store is made"

// summarise shows the progress of a run and prints its summary.
func (env *environment) summarise(e embed.Embedder, o *ingestOptions, counter *progress.Counter, verb string, run func(ingest.Options) (ingest.Summary, error)) error {
	options, err := env.ingestOptions(e, o, counter)
	if err != nil {
		return err
	}
	shown := env.showProgress(counter, verb, "chunk")
	options.Notice, options.Estimate = shown.say, shown.watched()
	sum, err := run(options)
	shown.stop()
	sum.Notices = env.started.notices.all()
	if o.priceGiven {
		price := priceOf(sum.Embedding.Tokens, o.price)
		sum.Embedding.Price = &price
	}
	err = errors.Join(err, env.printSummary(sum, err != nil))
	if err == nil && sum.Failed() {
		err = failedRun(&sum)
	}
	return err
}

// ingestOptions returns the options of a run into the store, whose notices go unheard.
func (env *environment) ingestOptions(e embed.Embedder, o *ingestOptions, counter *progress.Counter) (ingest.Options, error) {
	home, err := env.stores.Home(env.config.Store)
	workers, batchSize := env.pool(e, o.embedder)
	return ingest.Options{
		Store:     env.config.Store,
		Home:      home,
		Roots:     o.roots,
		Stdin:     env.streams.In,
		Name:      o.name,
		Walk:      env.walkOptions(o.loader),
		Read:      o.loader.read,
		Splitter:  o.splitter.chosen(),
		Meta:      o.meta,
		Workers:   workers,
		BatchSize: batchSize,
		Force:     o.force,
		Prune:     o.prune,
		FailFast:  o.failFast,
		Notice:    func(string) {},
		Progress:  counter,
	}, err
}

// printSummary prints the summary of a run; stopped says that an error ended it.
func (env *environment) printSummary(sum ingest.Summary, stopped bool) error {
	if env.inJSON() {
		return env.printObject(sum)
	}
	writeFailures(env.streams.Err, &sum.Report)
	if !env.flags.quiet {
		writeSummary(env.streams.Err, sum, stopped, env.flags.verbose)
	}
	return nil
}

// skipsShown is the number of skipped files that a summary names without --verbose.
const skipsShown = 5

// writeFailures names the inputs that failed, also under --quiet.
func writeFailures(w io.Writer, r *ingest.Report) {
	for _, f := range r.Failures {
		fmt.Fprintf(w, "sheaf: failed: %s: %s\n", visible(f.Source), visible(f.Error))
	}
}

// writeSkips names the files that were skipped and of which no notice told. Where they are many it names none, and returns
// their number.
func writeSkips(w io.Writer, skips []ingest.Skip, verbose bool) (hidden int) {
	untold := slices.DeleteFunc(slices.Clone(skips), func(s ingest.Skip) bool { return s.Told })
	if !verbose && len(untold) > skipsShown {
		return len(untold)
	}
	for _, s := range untold {
		fmt.Fprintf(w, "sheaf: skipped: %s: %s\n", visible(s.Source), visible(s.Reason))
	}
	return 0
}

// readsWhat says which files of a folder are read.
const readsWhat = "text is read, such as Markdown, code, HTML, JSONL and CSV; --convert '*.pdf=COMMAND' makes text of other files; " +
	"hidden and ignored ones take --hidden and --no-ignore"

// writeSummary writes the summary of a run as text.
func writeSummary(w io.Writer, sum ingest.Summary, stopped, verbose bool) {
	hidden := writeSkips(w, sum.Skips, verbose)
	s, c := sum.Sources, sum.Chunks
	sources := figures([]int{s.Added, s.Updated, s.Unchanged, s.Removed, s.Skipped, s.Failed, s.Unfinished, sum.Blank},
		"added", "updated", "unchanged", "removed", "skipped", "failed", "unfinished", "without text")
	chunks := figures([]int64{c.Added, c.Removed, c.Reused, c.Failed}, "added", "removed", "needed no embedding", "failed")
	lead, holds := "", "holds"
	if sum.DryRun {
		lead, holds = "dry run, nothing is stored: ", "would hold"
	}
	if stopped {
		lead += "stopped early; until then: "
	}
	unread := s == (ingest.Sources{Skipped: s.Skipped}) && !stopped && !sum.Failed()
	blank := unread && s.Skipped == 0 && sum.Blank > 0
	switch {
	case blank:
		fmt.Fprintf(w, "sheaf: %sno text was found in %s\n", lead, count(sum.Blank, "file"))
	case unread && s.Skipped == 0:
		fmt.Fprintf(w, "sheaf: %snothing was found to read\n", lead)
	default:
		fmt.Fprintf(w, "sheaf: %ssources: %s\n", lead, cmp.Or(sources, "none"))
	}
	if hidden > 0 {
		fmt.Fprintf(w, "sheaf: hint: --verbose names the files that were skipped\n")
	}
	if unread && !blank {
		fmt.Fprintf(w, "sheaf: hint: %s\n", readsWhat)
	}
	switch {
	case !sum.NoStore:
		fmt.Fprintf(w, "sheaf: %q %s %s: %s, in %.1f s\n", sum.Store, holds, count(c.Total, "chunk"), cmp.Or(chunks, "none added"), sum.Elapsed)
	case !sum.DryRun:
		fmt.Fprintf(w, "sheaf: %s\n", nothingStored)
	}
	if long := sum.Oversize.String(); verbose && long != "" {
		fmt.Fprintf(w, "sheaf: %s\n", long)
	}
	if e := sum.Embedding; e.Price != nil || e.Requests > 0 && (verbose || sum.DryRun) {
		writeEmbedding(w, e)
	}
}

// figures names those of the numbers that are not 0, as in "3 added, 1 removed".
func figures[N int | int64](numbers []N, names ...string) string {
	var named []string
	for i, n := range numbers {
		if n > 0 {
			named = append(named, fmt.Sprintf("%d %s", n, names[i]))
		}
	}
	return strings.Join(named, ", ")
}

// priceOf returns the price of tokens, rounded to hide the error of binary
// fractions.
func priceOf(tokens int64, million float64) float64 {
	const digits = 1e12
	price := float64(tokens) * million / 1e6
	if rounded := math.Round(price*digits) / digits; !math.IsInf(rounded, 0) {
		return rounded
	}
	return price
}

// writeEmbedding writes what the embedding took, or would take.
func writeEmbedding(w io.Writer, e ingest.Embedding) {
	fmt.Fprintf(w, "sheaf: embedding by %s: %s, %s, %s, %s",
		e.Embedder, count(e.Requests, "request"), count(e.Texts, "text"), count(e.Tokens, "token"), count(e.Retries, "retry"))
	if e.Price != nil {
		fmt.Fprintf(w, ", %s for the tokens", strconv.FormatFloat(*e.Price, 'f', -1, 64))
	}
	fmt.Fprintln(w)
}
