package cmd

import (
	"fmt"
	"strconv"
	"strings"

	"sheaf/internal/eval"
)

// allFailedError says that no question could be answered.
type allFailedError struct {
	questions int
	first     eval.Failed
}

func (e *allFailedError) Error() string {
	if e.questions == 1 {
		return fmt.Sprintf("the only question, %s, failed: %s", e.first.ID, e.first.Error)
	}
	return fmt.Sprintf("all %d questions failed; question %s: %s", e.questions, e.first.ID, e.first.Error)
}

// gateError says which figures are worse than they may be.
type gateError struct{ message string }

func (e *gateError) Error() string { return e.message }

// gateError returns the error of the figures that fail; nil where none does.
func (o *evalOptions) gateError(r *eval.Result, failed []string) error {
	var all []string
	for _, name := range failed {
		f := r.Metrics[name]
		if least, limited := o.failUnder[name]; limited && f.Value < least {
			all = append(all, fmt.Sprintf("%s is %.4f, below %v", name, f.Value, least))
			continue
		}
		all = append(all, fmt.Sprintf("%s fell by %.4f from the baseline's %.4f", name, -*f.Change, *f.Baseline))
	}
	if len(all) == 0 {
		return nil
	}
	return &gateError{strings.Join(all, ", and ")}
}

// notedStale is how many questions with stale labels are named on stderr.
const notedStale = 10

// reportQuestions reports the questions that failed and the labels that are stale,
// and returns a *partialError where there are any.
func (env *environment) reportQuestions(r *eval.Result) error {
	failed := failures{env: env, noun: "question", verb: "failed"}
	for _, f := range r.Failed {
		failed.add(fmt.Errorf("question %s: %s", f.ID, f.Error))
	}
	err := failed.err()
	if len(r.Stale) == 0 {
		return err
	}
	for i, s := range r.Stale {
		if i == notedStale {
			env.say("and %s more; --json lists them", count(len(r.Stale)-i, "question"))
			break
		}
		env.say("question %s: %s: nothing of that name is in the store", visibleLine(s.ID), visibleLine(strings.Join(s.Labels, ", ")))
	}
	message := fmt.Sprintf("%s with labels that name nothing in the store", count(len(r.Stale), "question"))
	if err != nil {
		message = err.Error() + ", " + message
	}
	return &partialError{message}
}

// printResult prints a result.
func (env *environment) printResult(r *eval.Result, o *evalOptions) error {
	return env.print(outputFlags{}, func(p *printer) error {
		switch p.form {
		case formJSON, formJSONL:
			return p.object(r)
		case formTSV:
			for _, m := range o.metrics {
				p.WriteString(tsv(figureColumns(m.String(), r.Metrics[m.String()])))
			}
			for _, w := range r.WorstBy(o.metrics[0], o.worst) {
				p.WriteString(tsv(worstColumns(w, o.metrics[0])))
			}
		default:
			p.result(r, o)
		}
		return nil
	})
}

func figureColumns(name string, f eval.Figure) []string {
	columns := []string{name, decimal(f.Value), decimal(f.Low), decimal(f.High)}
	if f.Baseline != nil {
		columns = append(columns, decimal(*f.Baseline), decimal(*f.Change))
	}
	return columns
}

func worstColumns(o eval.Outcome, m eval.Metric) []string {
	return []string{"worst", o.ID, decimal(o.Values[m.String()]), line(o.FirstRelevant), strings.Join(o.Missing, ", "), o.Query}
}

func decimal(x float64) string { return strconv.FormatFloat(x, 'f', 4, 64) }

// result writes a result for people.
func (p *printer) result(r *eval.Result, o *evalOptions) {
	width := 0
	for _, m := range o.metrics {
		width = max(width, len(m.String()))
	}
	for _, m := range o.metrics {
		f := r.Metrics[m.String()]
		fmt.Fprintf(p, "%-*s  %s  [%s, %s]", width, m, p.styled(styleBold, decimal(f.Value)), decimal(f.Low), decimal(f.High))
		if f.Baseline != nil {
			fmt.Fprintf(p, "  %+.4f from %s", *f.Change, decimal(*f.Baseline))
		}
		if f.OK != nil && !*f.OK {
			p.WriteString("  " + p.styled(styleBold, "fails"))
		}
		p.WriteByte('\n')
	}
	for _, said := range []string{
		fmt.Sprintf("%s, ranked by %s; one takes %.1f ms (p95 %.1f ms) besides embedding", count(r.Questions, "question"), r.Level, r.Latency.P50, r.Latency.P95),
		fmt.Sprintf("so many can show a change of ndcg from about %.3f on", r.Detectable),
	} {
		p.WriteString("\n" + hanging(said, p.width, 0))
	}
	p.WriteByte('\n')
	for i, w := range r.WorstBy(o.metrics[0], o.worst) {
		if i == 0 {
			p.WriteByte('\n')
		}
		place := "nothing relevant"
		if w.FirstRelevant > 0 {
			place = "first relevant at " + strconv.Itoa(w.FirstRelevant)
		}
		first := decimal(w.Values[o.metrics[0].String()]) + "  " + p.styled(styleBold, visibleLine(w.ID)) + "  "
		p.WriteString(first + hanging(visibleLine(w.Query)+", "+place, p.width-columnsOf(first), columnsOf(first)) + "\n")
		for _, missing := range w.Missing {
			p.WriteString("        missing " + p.styled(styleCyan, visibleLine(missing)) + "\n")
		}
	}
}
