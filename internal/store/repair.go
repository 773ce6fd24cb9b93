package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"sheaf/internal/engine"
	"sheaf/internal/metadata"
)

// Repair checks the store at dir as Check does and mends what can be mended
// without losing anything that a reader sees: what a killed writer left, the
// database's own indexes, the rows by which filters find metadata, the index of words, documents whose
// source is missing, the counts of sources, whose files the next ingest reads again,
// and codes. It returns what Check found before; what it does not find any more is
// marked repaired.
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
	err = errors.Join(err, w.Close())
	beyondRepair := errors.As(err, &format)
	if err != nil && !beyondRepair {
		return nil, fmt.Errorf("repairing store %q: %w", dir, err)
	}
	after, err := Check(ctx, dir, o)
	if beyondRepair {
		return after, err
	}
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
// writer left. What is mended twice stays right.
func (w *Writer) repair(ctx context.Context, problems []Problem) error {
	inTransaction := func(mend func(*tx) error) func(context.Context) error {
		return func(ctx context.Context) error { return w.update(ctx, mend) }
	}
	for _, step := range []struct {
		kind string
		mend func(context.Context) error
	}{
		{ProblemDatabase, w.rebuild},
		{ProblemLeftover, inTransaction((*tx).removeUnseen)},
		{ProblemMetadata, inTransaction((*tx).rebuildFields)},
		{ProblemDocument, w.adoptOrphans},
		{ProblemSource, inTransaction((*tx).recountSources)},
		{ProblemWords, w.reindexWords},
		{ProblemCodes, w.recode},
		{ProblemSlow, w.recode},
	} {
		if !slices.ContainsFunc(problems, func(p Problem) bool { return p.Kind == step.kind }) {
			continue
		}
		if err := step.mend(ctx); err != nil {
			return err
		}
	}
	return nil
}

// rebuild makes the database anew from the rows of its tables, which are read
// without indexes: those may be damaged.
func (w *Writer) rebuild(ctx context.Context) error {
	err := w.update(ctx, func(t *tx) error {
		path := filepath.Join(w.dir, buildName)
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		db, err := createDatabase(path, w.base, ofKind("TABLE"), buildSettings, w.db.patience)
		if err != nil {
			return err
		}
		err = db.run(ctx, beginWrite, func(to *tx) error { return errors.Join(t.copyTables(to), to.makeIndexes()) })
		return errors.Join(err, db.conn.Close())
	})
	if err == nil {
		err = w.swapDatabase(ctx)
	}
	if err != nil {
		return err
	}
	return w.reopen(ctx)
}

// copyTables copies the rows of all tables into a new database of the same state.
func (t *tx) copyTables(to *tx) error {
	for _, table := range ofKind("TABLE") {
		switch table.name {
		case "store", "words", "field", "segment", "page": // made with the database, of the metadata, of the texts
			continue
		}
		for row, err := range t.Query(`SELECT * FROM ` + table.name + ` NOT INDEXED`) {
			if err != nil {
				return err
			}
			values := make([]any, row.Len())
			for i := range values {
				values[i] = row.Value(i)
			}
			err := to.Exec(`INSERT INTO `+table.name+` VALUES (?`+strings.Repeat(", ?", len(values)-1)+`)`, values...)
			if err != nil {
				return err
			}
		}
	}
	return to.rebuildFields()
}

// adoptOrphans gives documents whose source is missing one: that which their
// metadata names, where their checksum says so. The others go. Either way the next
// ingest of the file reads it again.
func (w *Writer) adoptOrphans(ctx context.Context) error {
	lost := roaring.New()
	err := w.update(ctx, func(t *tx) error {
		found := map[int64]bool{} // by number of the source: whether it could be made again
		for row, err := range t.Query(selectOrphan) {
			if err != nil {
				return err
			}
			n, source := row.Int64(0), row.Int64(1)
			if _, known := found[source]; !known && t.alive(n) {
				if found[source], err = t.adopt(n, source, metadata.Raw(row.Bytes(2)).Text("source")); err != nil {
					return err
				}
			}
			if !found[source] && t.alive(n) {
				lost.Add(uint32(n))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	w.doomed.Or(lost)
	if err := w.Commit(ctx); err != nil {
		return err
	}
	return w.update(ctx, (*tx).recountSources)
}

const selectOrphan = `SELECT d.n, d.source, m.json FROM document d JOIN meta m ON m.meta = d.meta
  WHERE NOT EXISTS (SELECT 1 FROM source s WHERE s.source = d.source) ORDER BY d.n`

// adopt makes the row of a source anew under a name, and reports whether that is
// the name of which document n has the checksum.
func (t *tx) adopt(n, source int64, name string) (bool, error) {
	taken, err := t.Int64(`SELECT count(*) FROM source WHERE name = ? OR key = ?`, name, name)
	if err != nil || name == "" || taken > 0 {
		return false, err
	}
	if err := t.saveSource(sourceChange{Source: engine.Source{Number: source, Key: name, Name: name}}); err != nil {
		return false, err
	}
	var format *engine.FormatError
	if _, err = t.documents([]int64{n}); !errors.As(err, &format) {
		return err == nil, err
	}
	return false, t.saveSource(sourceChange{Source: engine.Source{Number: source}, gone: true})
}

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
