package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	"sheaf/internal/engine"
	"sheaf/internal/hint"
	"sheaf/internal/seq"
)

type deleteOptions struct {
	ids                        []string
	filter                     filterFlags
	null                       bool
	ignoreMissing, dryRun, yes bool
}

func newDeleteCmd(env *environment) *cobra.Command {
	var o deleteOptions
	c := &cobra.Command{
		Use:   "delete ID...",
		Short: "Delete documents by id, filter or source",
		Long: `Delete the documents with the given ids; - reads ids from stdin, one a line or
a NUL after each. Where one of them is unknown nothing is deleted, and the exit
status is 1, unless --ignore-missing is given.

Or delete the documents that --filter and --source choose. It asks on a terminal
before anything goes; elsewhere it needs --yes.

With --dry-run the ids of what would go are printed, one a line. A document that
was deleted comes back when its source is ingested again. Its vector stays in
the index file, unseen, until sheaf compact.` + filterHelp + exitStatus(0, 1, 2, 10, 11, 12, 130, 143),
		Example: `  sheaf delete ticket-17
  sheaf delete --source 'docs/drafts/**' --dry-run
  sheaf delete --source 'docs/drafts/**' --filter lang=en --yes
  sheaf delete --ignore-missing --json - < ids.txt`,
		PreRunE: func(_ *cobra.Command, args []string) error { return o.validate(env, args) },
		RunE:    func(c *cobra.Command, _ []string) error { return runDelete(c.Context(), env, &o) },
	}
	f := c.Flags()
	o.filter.addFlags(f)
	f.BoolVar(&o.ignoreMissing, "ignore-missing", false, "delete the others where an id is unknown")
	f.BoolVar(&o.dryRun, "dry-run", false, "print the ids of what would be deleted; delete nothing")
	f.BoolVarP(&o.null, "null", "0", false, "ids from stdin and of --dry-run end with a NUL, not with the line")
	f.BoolVar(&o.yes, "yes", false, "do not ask before deleting by --filter or --source")
	return c
}

func (o *deleteOptions) validate(env *environment, args []string) error {
	o.ids = args
	switch {
	case o.filter.given() && len(args) > 0:
		return usagef("ids cannot be used together with --filter or --source")
	case !o.filter.given() && len(args) == 0:
		return hint.With(usagef("there is no id"), "give ids, - to read them from stdin, or --filter or --source")
	case !stdinOnce(args):
		return errStdinTwice
	case o.filter.given() && o.ignoreMissing:
		return usagef("--ignore-missing is about ids: it cannot be used with --filter or --source")
	}
	if err := o.filter.validate(); err != nil {
		return err
	}
	if o.filter.given() && !o.yes && !o.dryRun && !env.streams.interactive() {
		return hint.With(usagef("there is no terminal to ask on before deleting by --filter or --source"), "add --yes, or look first with --dry-run")
	}
	return env.validFormat()
}

func runDelete(ctx context.Context, env *environment, o *deleteOptions) (err error) {
	if o.ids, err = env.withStdinIDs(o.ids, o.null); err != nil {
		return err
	}
	if o.dryRun {
		return env.withStore(ctx, func(s reader) error {
			set, err := env.choose(ctx, s, o, nil)
			if err != nil {
				return err
			}
			return env.printDeleted(s.IDs(ctx, set), set.Len(), o)
		})
	}
	var agreed engine.Set // nil: nobody was asked
	if o.filter.given() && !o.yes {
		if agreed, err = env.agreeToDelete(ctx, o); err != nil {
			return err
		}
	}
	w, err := env.openWriter(ctx, nil)
	if err != nil {
		return err
	}
	return errors.Join(env.deleteChosen(ctx, w, o, agreed), w.Close())
}

// deleteChosen deletes the documents that the options choose; where the user was
// asked, only those that were agreed to.
func (env *environment) deleteChosen(ctx context.Context, w writer, o *deleteOptions, agreed engine.Set) error {
	set, err := env.choose(ctx, w, o, agreed)
	if err != nil {
		return err
	}
	if err := w.Delete(ctx, set); err != nil {
		return err
	}
	return env.printDeleted(w.IDs(ctx, set), set.Len(), o)
}

// choose returns the documents that the options choose. Where they are not chosen
// by id and among is not nil, it returns only those that are in among too.
func (env *environment) choose(ctx context.Context, s reader, o *deleteOptions, among engine.Set) (engine.Set, error) {
	if o.filter.given() {
		f, err := o.filter.in(ctx, env, s)
		if err != nil {
			return nil, err
		}
		return s.Select(ctx, engine.Selection{Filter: f, Among: among})
	}
	set, missing, err := s.SelectIDs(ctx, o.ids)
	switch {
	case err != nil || len(missing) == 0:
		return set, err
	case o.ignoreMissing:
		env.say("no document has the id %s", quoteAll(missing))
		return set, nil
	}
	remedy := seeIDs
	if len(missing) < len(o.ids) {
		remedy = "--ignore-missing deletes the others"
	}
	return nil, env.unknownIDs(ctx, s, missing, "; nothing was deleted", remedy)
}

// agreeToDelete asks the user whether to delete the documents that the options choose. It holds no
// lock meanwhile.
func (env *environment) agreeToDelete(ctx context.Context, o *deleteOptions) (agreed engine.Set, err error) {
	err = env.withStore(ctx, func(s reader) error {
		agreed, err = env.choose(ctx, s, o, nil)
		return err
	})
	if err != nil || agreed.Len() == 0 {
		return agreed, err
	}
	fmt.Fprintf(env.streams.Err, "sheaf: delete %s from %q? [y/N] ", count(agreed.Len(), "document"), env.config.Store)
	answer, _ := bufio.NewReader(env.streams.In).ReadString('\n')
	if !strings.HasSuffix(answer, "\n") {
		fmt.Fprintln(env.streams.Err) // what follows is no part of the question
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return agreed, nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, errors.New("not confirmed: nothing was deleted")
}

// printDeleted prints which documents are deleted, or would be.
func (env *environment) printDeleted(ids iter.Seq2[string, error], n int64, o *deleteOptions) error {
	items := seq.Map(ids, func(id string) documentID { return documentID(id) })
	if env.inJSON() {
		return env.print(outputFlags{}, func(p *printer) error {
			p.form = formJSON // one object, also with --jsonl
			return enclose(p, fmt.Sprintf(`{"deleted":%d,"ids":[`, n), items, func() (string, error) {
				return fmt.Sprintf(`],"dry_run":%t}`, o.dryRun), nil
			})
		})
	}
	if !o.dryRun {
		env.say("%s deleted", count(n, "document"))
		return nil
	}
	err := env.print(outputFlags{null: o.null}, func(p *printer) error { return list(p, "ids", items) })
	if err == nil {
		env.say("%s would be deleted", count(n, "document"))
	}
	return err
}
