// Command bench times sheaf on this machine and prints what it finds as
// Markdown tables: searches beside a bare pread loop over the same bytes,
// filters and MMR beside plain searches, batches beside Faiss from Python,
// start-up, ingest with the built-in embedder and through a service beside
// LangChain, one document more or less in a large store, merges, and import and
// export of LangChain's folders beside LangChain.
//
// Contenders take turns within each round, the first round is not counted, and
// figures are medians, so that a machine that is busy for a while is unfair to
// all alike. Its data (about 8.5 GB) is made once and kept in a folder. Results
// are printed on stdout; only the section compare writes its own into the
// documentation.
//
//	go run ./bench                      # everything that does not have to be asked for
//	go run ./bench -only search -rounds 21
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"sheaf/internal/faiss"
	"sheaf/internal/kernel"
)

// dim is that of the small models that people run on their own machines.
const dim = 384

// Sizes of the stores, in documents.
const (
	small  = 10_000
	middle = 100_000
	large  = 1_000_000
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run: where its things are and how often each is measured.
type bench struct {
	out    io.Writer
	data   string   // the folder of stores and inputs
	sheaf  string   // the binary
	before []string // binaries of earlier builds, measured beside it
	rounds int
	sets   string // the folder of questions with known answers
	text   string // the folder of real text, Go's own source where none is given
	large  bool   // compare a million documents, too
	resume bool   // go on with a comparison that was stopped
	steps  string // of lists and scale

	reach [][]string // the table of what was to be reached, as far as sections measured it
}

// section is a part of a run.
type section struct {
	name  string
	run   func(*bench, context.Context) error
	asked bool // it takes so long that it is run only where -only names it
}

// sections are all of them, in the order of the report.
var sections = []section{
	{name: "search", run: (*bench).search},
	{name: "codes", run: (*bench).codes},
	{name: "lists", run: (*bench).lists, asked: true},
	{name: "scale", run: (*bench).scale, asked: true},
	{name: "approximate", run: (*bench).approximate, asked: true},
	{name: "approximate-text", run: (*bench).approximateText, asked: true},
	{name: "filter", run: (*bench).filter},
	{name: "mmr", run: (*bench).mmr},
	{name: "batch", run: (*bench).batch},
	{name: "startup", run: (*bench).startup},
	{name: "ingest", run: (*bench).ingest},
	{name: "service", run: (*bench).service},
	{name: "memory", run: (*bench).memory, asked: true},
	{name: "add", run: (*bench).add},
	{name: "delete", run: (*bench).delete},
	{name: "merge", run: (*bench).merge},
	{name: "exchange", run: (*bench).exchange},
	{name: "question", run: withModel((*modelBench).first)},
	{name: "models", run: withModel((*modelBench).throughput)},
	{name: "langchain", run: withModel((*modelBench).agree)},
	{name: "words", run: (*bench).words, asked: true},
	{name: "remote", run: (*bench).remote, asked: true},
	{name: "earlier", run: (*bench).earlier, asked: true},
	{name: "tune", run: (*bench).tune, asked: true},
	{name: "thresholds", run: (*bench).thresholds, asked: true},
	{name: "compare", run: (*bench).compare, asked: true},
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 1 && args[0] == childVerb {
		return child(ctx, args[1:], out)
	}
	if len(args) == 3 && args[0] == copyVerb {
		return copyRecords(ctx, args[1], args[2])
	}
	if len(args) == 4 && args[0] == collectionsVerb {
		return measureCollections(ctx, args[1], args[2], args[3], out)
	}
	b, chosen, err := parse(args)
	if err != nil {
		return err
	}
	b.out = out
	if err := b.prepare(ctx); err != nil {
		return err
	}
	b.describe()
	for _, s := range sections {
		if !chosen[s.name] {
			continue
		}
		if err := s.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	b.reached()
	return nil
}

// parse reads the command line: the run, and the sections of it.
func parse(args []string) (*bench, map[string]bool, error) {
	b := &bench{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&b.data, "data", filepath.Join("bench", "data"), "keep stores and inputs in this `folder`")
	flags.StringVar(&b.sheaf, "sheaf", "", "measure this `binary` (default: build the one in the current folder)")
	flags.Func("before", "measure this earlier `binary` beside it, in the sections startup, codes, batch, ingest, exchange, question, models and earlier; may be repeated", func(path string) (err error) {
		path, err = filepath.Abs(path)
		b.before = append(b.before, path)
		return err
	})
	flags.IntVar(&b.rounds, "rounds", 11, "measure everything `N` times")
	flags.StringVar(&b.sets, "sets", "", "questions with known answers are in this `folder`, for the section thresholds")
	flags.BoolVar(&b.large, "large", false, "compare 1,000,000 documents too, in the section compare: an hour, and 8 GB of disk")
	flags.BoolVar(&b.resume, "resume", false, "go on where the last run of the section compare was stopped")
	flags.StringVar(&b.steps, "steps", "", "run only these `steps` of the sections lists and scale, separated by commas: "+stepNames())
	flags.StringVar(&b.text, "text", "", "real text is in this `folder`, for the section words (default: Go's own source)")
	only := flags.String("only", "", "run only these `sections`, separated by commas: "+sectionNames())
	if err := flags.Parse(args); err != nil {
		return nil, nil, err
	}
	if b.rounds < 1 {
		return nil, nil, fmt.Errorf("-rounds must be at least 1, not %d", b.rounds)
	}
	chosen, err := parseSections(*only)
	return b, chosen, err
}

func sectionNames() string {
	var names []string
	for _, s := range sections {
		names = append(names, s.name)
	}
	return strings.Join(names, ",")
}

// parseSections reads -only; nothing means all that need not be asked for.
func parseSections(only string) (map[string]bool, error) {
	if only == "" {
		chosen := map[string]bool{}
		for _, s := range sections {
			chosen[s.name] = !s.asked
		}
		return chosen, nil
	}
	return parseNames("-only", only, sectionNames())
}

// parseNames reads some of the names that a flag may have, separated by commas.
func parseNames(flag, some, all string) (map[string]bool, error) {
	chosen := map[string]bool{}
	for name := range strings.SplitSeq(some, ",") {
		if !slices.Contains(strings.Split(all, ","), name) {
			return nil, fmt.Errorf("%s: %q is not one of %s", flag, name, all)
		}
		chosen[name] = true
	}
	return chosen, nil
}

// prepare makes the folder, and the binary where none is given.
func (b *bench) prepare(ctx context.Context) (err error) {
	if b.data, err = filepath.Abs(b.data); err != nil {
		return err
	}
	if err := os.MkdirAll(b.data, 0o777); err != nil {
		return err
	}
	if b.sheaf != "" {
		b.sheaf, err = filepath.Abs(b.sheaf)
		return err
	}
	b.sheaf = filepath.Join(b.data, "sheaf")
	build := exec.CommandContext(ctx, "make", "--silent", "build", "BINARY="+b.sheaf) // as users do
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("building sheaf in the current folder: %w", err)
	}
	return nil
}

func (b *bench) describe() {
	fmt.Fprintf(b.out, "%s/%s, %d threads, kernel %s, Faiss %s, %d rounds. Figures are medians, the fastest in brackets.\n",
		runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), kernel.Chosen().String(), faiss.Version(), b.rounds)
}
