package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"sheaf/internal/engine"
	"sheaf/internal/filter"
	"sheaf/internal/hint"
	"sheaf/internal/ingest"
)

// failedRun is the error of a run that finished although inputs failed.
func failedRun(sum *ingest.Summary) error {
	what := " failed; everything else is stored"
	switch {
	case sum.DryRun:
		what = " would fail"
	case sum.Chunks.Total == 0:
		what = " failed; nothing is stored"
	case sum.Sources == (ingest.Sources{Failed: sum.Sources.Failed}): // there was nothing else
		what = " failed"
	}
	var err error = &partialError{countFailed(&sum.Report) + what}
	if slices.ContainsFunc(sum.Failures, func(f ingest.Failure) bool { return as[*engine.MismatchError](f.Err) }) {
		err = hint.With(err, "sheaf import FILE --store DIR makes a store of records with the vectors that they bring")
	}
	return err
}

// countFailed says how many inputs failed: "1 source and 3 chunks".
func countFailed(r *ingest.Report) string {
	var parts []string
	if r.FailedSources > 0 {
		parts = append(parts, count(r.FailedSources, "source"))
	}
	if r.FailedChunks > 0 {
		parts = append(parts, count(r.FailedChunks, "chunk"))
	}
	return strings.Join(parts, " and ")
}

// removal tells how the sources go of the first path that failed because nothing is there any more; "" where the
// store holds none. --prune does not remove them: the path may be on a disk that is not mounted.
func (env *environment) removal(ctx context.Context, s catalog, failures []ingest.Failure) string {
	for _, f := range failures {
		if _, err := os.Lstat(f.Source); err == nil || !errors.Is(f.Err, fs.ErrNotExist) {
			continue
		}
		held, err := env.sourcesNamed(ctx, s, f.Source)
		if err != nil || held == 0 {
			continue
		}
		return fmt.Sprintf("the store holds %s of %q: sheaf delete --source %s", count(held, "source"), f.Source, hint.ShellQuote(f.Source))
	}
	return ""
}

// sourcesNamed returns the number of sources that a text stands for, as --source takes it.
func (env *environment) sourcesNamed(ctx context.Context, s catalog, text string) (n int, err error) {
	named, err := env.naming(ctx, s, text)
	if err != nil || named.absent != nil {
		return 0, err
	}
	f, err := filter.Parse(named.expr)
	if err != nil {
		return 0, err
	}
	for _, err := range s.Sources(ctx, f) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}
