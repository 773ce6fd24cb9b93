package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sheaf/internal/engine"
	"sheaf/internal/metadata"
)

// Repair checks the store at dir as Check does and mends what can be mended
// without losing anything that a reader sees: what a killed writer left, the
// database's own indexes, the rows by which filters find metadata, and the
// counts of sources, whose files the next ingest reads again. It returns what
// Check found before; what Check does not find any more is marked repaired.
func Repair(ctx context.Context, dir string, o engine.Options) ([]Problem, error) {
	before, err := Check(ctx, dir, o)
	if err != nil || len(before) == 0 {
		return before, err
	}
	w, err := OpenWriter(ctx, dir, o)
	var format *engine.FormatError
	switch {
	case errors.As(err, &format), errors.Is(err, engine.ErrNotExist):
		return before, nil // what is wrong is more than a writer can work with
	case err != nil:
		return nil, err
	}
	err = w.repair(ctx, before)
	if err = errors.Join(err, w.Close()); err != nil && !errors.As(err, &format) {
		return nil, fmt.Errorf("repairing store %q: %w", dir, err)
	}
	after, err := Check(ctx, dir, o)
	left := map[Problem]bool{}
	for _, p := range after {
		left[p] = true
	}
	for i := range before {
		before[i].Repaired = !left[before[i]]
		delete(left, before[i])
	}
	for _, p := range after {
		if left[p] {
			before = append(before, p)
		}
	}
	return before, err
}

// repair mends a store that was just opened, which has swept what a killed
// writer left. One transaction each: what is mended twice stays right.
func (w *Writer) repair(ctx context.Context, problems []Problem) error {
	for _, step := range []struct {
		kind string
		mend func(*tx) error
	}{
		{ProblemDatabase, (*tx).reindex}, {ProblemLeftover, (*tx).removeUnseen}, {ProblemMetadata, (*tx).rebuildFields}, {ProblemSource, (*tx).recountSources},
	} {
		if !slices.ContainsFunc(problems, func(p Problem) bool { return p.Kind == step.kind }) {
			continue
		}
		if err := w.update(ctx, step.mend); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) reindex() error { return t.Exec("REINDEX") }

// removeUnseen removes rows of documents that are in no bitmap.
func (t *tx) removeUnseen() error {
	var unseen []int64
	for row, err := range t.Query(`SELECT n FROM document WHERE n >= 0`) {
		if err != nil {
			return err
		}
		if n := row.Int64(0); !t.alive(n) {
			unseen = append(unseen, n)
		}
	}
	for _, n := range unseen {
		if err := t.Exec(`DELETE FROM document WHERE n = ?`, n); err != nil {
			return err
		}
	}
	return nil
}

// rebuildFields makes the rows of table field anew from the metadata.
func (t *tx) rebuildFields() error {
	if err := t.Exec(`DELETE FROM field`); err != nil {
		return err
	}
	for row, err := range t.Query(`SELECT meta, json FROM meta`) {
		if err != nil {
			return err
		}
		object := metadata.Raw(row.Bytes(1))
		if _, err := object.Members(); err != nil {
			continue // damaged, as Check says
		}
		if err := t.insertFields(insertField, row.Int64(0), object); err != nil {
			return err
		}
	}
	return nil
}

// recountSources counts the visible documents of each source. Those that were
// counted wrong are read again by their next ingest.
func (t *tx) recountSources() error {
	counts := map[int64]int64{}
	for row, err := range t.Query(`SELECT source, n FROM document`) {
		if err != nil {
			return err
		}
		if t.alive(row.Int64(1)) {
			counts[row.Int64(0)]++
		}
	}
	var wrong []int64
	for row, err := range t.Query(`SELECT source, documents FROM source`) {
		if err != nil {
			return err
		}
		if counts[row.Int64(0)] != row.Int64(1) {
			wrong = append(wrong, row.Int64(0))
		}
	}
	for _, source := range wrong {
		if err := t.Exec(`UPDATE source SET documents = ?, hash = x'' WHERE source = ?`, counts[source], source); err != nil {
			return err
		}
	}
	return nil
}
