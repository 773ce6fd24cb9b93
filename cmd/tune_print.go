package cmd

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sheaf/internal/eval"
	"sheaf/internal/hint"
)

// tuned is the answer of tune.
type tuned struct {
	*eval.Tuning
	NotRun   []notRun `json:"not_run"`
	Commands []string `json:"commands"` // that do what the best trial did
}

// commands returns the command lines for the settings of a trial, with the flags that were given
// besides.
func (o *tuneOptions) commands(env *environment, best *eval.Tried) (lines []string) {
	ask := newSearchCmd
	if _, diverse := best.Choices["lambda"]; diverse {
		ask = newMMRCmd
	}
	if len(o.roots) > 0 {
		lines = append(lines, o.command(newIngestCmd(env), best, o.roots))
	}
	return append(lines, o.command(ask(env), best, []string{"QUERY"}))
}

// command returns the command line of a verb: those of the flags that it has.
func (o *tuneOptions) command(verb *cobra.Command, best *eval.Tried, args []string) string {
	words := []string{"sheaf", verb.Name()}
	add := func(name string, values ...string) {
		if name != "store" && verb.Flags().Lookup(name) == nil {
			return
		}
		dashes := "--"
		if len(name) == 1 {
			dashes = "-"
		}
		for _, value := range values {
			words = append(words, dashes+name+" "+hint.ShellQuote(value))
		}
	}
	o.flags.Visit(func(f *pflag.Flag) {
		switch values, many := f.Value.(pflag.SliceValue); {
		case f.Value.Type() == "bool" && verb.Flags().Lookup(f.Name) != nil:
			words = append(words, "--"+f.Name+"="+f.Value.String())
		case many:
			add(f.Name, values.GetSlice()...)
		case f.Name != "k": // comes below
			add(f.Name, f.Value.String())
		}
	})
	for _, t := range tunables {
		if value, varied := best.Choices[t.name]; varied && t.made == (verb.Name() == "ingest") {
			add(t.name, value)
		}
	}
	if _, varied := best.Choices["k"]; !varied {
		add("k", strconv.Itoa(o.k))
	}
	for _, arg := range args {
		words = append(words, hint.ShellQuote(arg))
	}
	return strings.Join(words, " ")
}

// printTuning prints what tune found.
func (env *environment) printTuning(r *tuned) error {
	return env.print(outputFlags{}, func(p *printer) error {
		switch p.form {
		case formJSON, formJSONL:
			return p.object(r)
		case formTSV:
			for i, tried := range r.Tried {
				columns := append([]string{mark(i == r.Best.Trial, "best")}, figureColumns(tried.String(), tried.Figure)...)
				columns = append(columns, fmt.Sprintf("%.2f", tried.Latency), strconv.FormatInt(tried.Bytes, 10), mark(tried.Front, "front"))
				p.WriteString(tsv(columns))
			}
		default:
			p.tuning(r)
		}
		return nil
	})
}

func mark(set bool, text string) string {
	if set {
		return text
	}
	return ""
}

// tuning writes what tune found for people: the best trials first.
func (p *printer) tuning(r *tuned) {
	order := make([]int, len(r.Tried))
	width := 0
	for i, tried := range r.Tried {
		order[i], width = i, max(width, len(tried.String()))
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(r.Tried[j].Value, r.Tried[i].Value) })
	for _, i := range order {
		tried := r.Tried[i]
		fmt.Fprintf(p, "%s %-*s  %s  [%s, %s]  %6.1f ms  %s\n", cmp.Or(mark(tried.Front, "*"), " "), width, tried,
			p.styled(styleBold, decimal(tried.Value)), decimal(tried.Low), decimal(tried.High), tried.Latency, megabytes(tried.Bytes))
	}
	say := func(format string, args ...any) {
		p.WriteString(hanging(fmt.Sprintf(format, args...), p.width-2, 2) + "\n")
	}
	p.WriteByte('\n')
	say("%s of %d questions that did not choose; * nothing else is as good, as quick and as small", r.Objective, r.Reporting)
	for _, e := range r.Effects {
		verdict := "cannot be told apart"
		if e.Distinguishable {
			verdict = "differ"
		}
		say("%s: %s and %s %s, %s", e.Name, e.Best, e.Worst, verdict, changed(e.Change))
	}
	for _, n := range r.NotRun {
		say("not tried: %s: %s", n.Settings, n.Reason)
	}
	p.WriteByte('\n')
	say("%s", r.verdict())
	for _, command := range r.Commands {
		p.WriteString("  " + p.styled(styleBold, visibleLine(command)) + "\n")
	}
}

func changed(c eval.Change) string {
	return fmt.Sprintf("%+.4f [%+.4f, %+.4f]", c.Change, c.Low, c.High)
}

// verdict says what is recommended, and how sure that is.
func (r *tuned) verdict() string {
	first, best := r.Tried[0], r.Tried[r.Best.Trial]
	how := fmt.Sprintf("%s to %s, and it was the best in %.0f %% of the draws of the other half", changed(r.Best.Change), first, 100*r.Best.Share)
	switch {
	case r.Best.Trial == 0:
		return fmt.Sprintf("keep %s: nothing was better, in %.0f %% of the draws of the half that chooses", first, 100*r.Best.Share)
	case r.Best.Certain:
		return fmt.Sprintf("take %s: %s", best, how)
	case r.Best.Questions > 0:
		return fmt.Sprintf("%s may be better, but it may be chance: %s; %s more would show it", best, how, count(r.Best.Questions, "question"))
	}
	return fmt.Sprintf("keep %s: %s was the best of the half that chooses, and is not on the other: %s", first, best, how)
}
