package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"sheaf/internal/seq"
)

type checkOptions struct {
	repair bool
	words  bool
}

func newCheckCmd(env *environment) *cobra.Command {
	var o checkOptions
	c := &cobra.Command{
		Use:   "check",
		Short: "Verify everything in a store",
		Long: `Verify everything in a store: SQLite's own integrity, checksums of documents,
metadata, vectors and their codes, counts, the index of words, and files that do
not belong there. Each problem is named with its way out. Writers wait
meanwhile. Of the index of words every page is read, and compared with the texts
of a sample of documents; with --words with those of all.

The kind "leftover" is no damage: no reader sees what a killed run left, and
the next one that writes removes it. Nor is "slow", codes that cannot be used:
searches read the vectors instead. Only damage makes the exit status 12.

With --repair what can be mended without losing a document is mended: what a
killed run left, the database's indexes, what filters look at, the index of
words, codes, and the counts of sources. On a pipe each problem is a line of
TSV: kind, path, message, remedy, and repaired or not.` + exitStatus(0, 1, 2, 10, 11, 12, 130, 143),
		Example: `  sheaf check
  sheaf check --repair --json`,
		PreRunE: func(_ *cobra.Command, args []string) error { return noArgs("check", args) },
		RunE:    func(c *cobra.Command, _ []string) error { return runCheck(c.Context(), env, &o) },
	}
	c.Flags().BoolVar(&o.words, "words", false, "compare the index of words with the texts of all documents")
	c.Flags().BoolVar(&o.repair, "repair", false, "mend what can be mended without losing anything")
	return c
}

func runCheck(ctx context.Context, env *environment, o *checkOptions) error {
	options := env.storeOptions(nil)
	options.AllWords = o.words
	env.started.writing = o.repair
	problems, err := env.stores.Check(ctx, env.config.Store, options, o.repair)
	if err != nil {
		return err
	}
	damaged, left, repaired := 0, 0, 0
	for i, p := range problems {
		problems[i].Remedy = env.atStore(p.Remedy)
		switch {
		case p.Repaired:
			repaired++
		case p.Damage:
			damaged++
		default:
			left++
		}
	}
	err = env.print(outputFlags{}, func(p *printer) error {
		if p.form == formJSON {
			return p.object(checked{damaged == 0, append([]problem{}, problems...)})
		}
		return list(p, "problems", seq.Of(problems))
	})
	switch {
	case err != nil:
		return err
	case damaged > 0:
		return &problemsError{damaged}
	case left > 0:
		env.say("no damage; %s", count(left, "harmless problem"))
	case repaired > 0:
		env.say("%s mended", count(repaired, "problem"))
	default:
		env.say("no problems")
	}
	return nil
}

// checked is the object of --json. It is OK without damage.
type checked struct {
	OK       bool      `json:"ok"`
	Problems []problem `json:"problems"`
}

// problem is a problem in an answer.
type problem struct {
	Kind     string `json:"kind"`
	Path     string `json:"path"`
	Message  string `json:"message"`
	Remedy   string `json:"remedy"`
	Damage   bool   `json:"damage"`
	Repaired bool   `json:"repaired"`
}

func (p problem) state() string {
	if p.Repaired {
		return "repaired"
	}
	return ""
}

func (p problem) columns() []string { return []string{p.Kind, p.Path, p.Message, p.Remedy, p.state()} }
func (p problem) body() string      { return p.Message }

func (p problem) table(w *printer) {
	w.WriteString(w.styled(styleBold, p.Kind) + "  " + w.styled(styleCyan, visibleLine(p.Path)) + "  " + visible(p.Message) + "\n")
	if p.Repaired {
		w.WriteString("   repaired\n")
	} else {
		w.WriteString("   remedy: " + visible(p.Remedy) + "\n")
	}
}

// problemsError says that a store is damaged.
type problemsError struct{ n int }

func (e *problemsError) Error() string { return count(e.n, "problem") + " found" }
