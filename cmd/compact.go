package cmd

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"sheaf/internal/engine"
	"sheaf/internal/progress"
)

func newCompactCmd(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "compact",
		Short: "Drop what deleted documents left behind",
		Long: `Drop the vectors of deleted documents from the index file, metadata that no
document has any more, and the free pages of the database. No document and no
answer changes, and the store can be searched all the while. The new index file
is written beside the old one, so for a moment the disk holds both.

sheaf info tells when it is worth it.` + exitStatus(0, 1, 2, 10, 11, 12, 130, 143),
		Example: `  sheaf compact
  sheaf compact --json`,
		PreRunE: func(_ *cobra.Command, args []string) error {
			return errors.Join(noArgs("compact", args), env.validFormat())
		},
		RunE: func(c *cobra.Command, _ []string) error { return runCompact(c.Context(), env) },
	}
}

func runCompact(ctx context.Context, env *environment) error {
	counter := new(progress.Counter)
	w, err := env.openWriter(ctx, counter.AddChunks)
	if err != nil {
		return err
	}
	done, err := env.compact(ctx, w, counter)
	if err = errors.Join(err, w.Close()); err != nil {
		return err
	}
	return env.printCompacted(done)
}

func (env *environment) compact(ctx context.Context, w writer, counter *progress.Counter) (done engine.Compacted, err error) {
	info, err := w.Info(ctx)
	if err != nil {
		return done, err
	}
	counter.SetTotal(int(info.Documents + info.DeadRows))
	shown := env.showProgress(counter, "compacting", "row")
	defer shown.stop()
	return w.Compact(ctx)
}

func (env *environment) printCompacted(c engine.Compacted) error {
	if env.inJSON() {
		return env.printObject(struct {
			Rows  int64 `json:"rows_removed"`
			Bytes int64 `json:"bytes_freed"`
		}(c))
	}
	env.say("%s removed, %s freed", count(c.Rows, "row"), megabytes(c.Bytes))
	return nil
}
