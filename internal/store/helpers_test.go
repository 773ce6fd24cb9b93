package store_test

import (
	"context"
	"iter"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"sheaf/internal/engine"
	"sheaf/internal/store"
)

// anyKey compares documents of stores in different folders: keys of sources are relative to
// these, or absolute.
var anyKey = cmpopts.IgnoreFields(engine.Document{}, "Key")

// mergeStores merges stores as sheaf merge does.
func mergeStores(ctx context.Context, w *store.Writer, others []*store.Store, policy engine.OnConflict) (engine.Merged, error) {
	var from []engine.Snapshot
	for _, other := range others {
		snap, err := other.Snapshot(ctx)
		if err != nil {
			return engine.Merged{}, err
		}
		from = append(from, snap)
	}
	return w.Merge(ctx, from, policy)
}

// importInto merges documents whose sources have keys instead of paths.
func importInto(ctx context.Context, w *store.Writer, docs iter.Seq2[engine.Transfer, error], policy engine.OnConflict) (engine.Merged, error) {
	home, err := store.Home(w.Dir())
	if err != nil {
		return engine.Merged{}, err
	}
	return w.Merge(ctx, []engine.Snapshot{{Transfers: func(yield func(engine.Transfer, error) bool) {
		for t, err := range docs {
			t.From.Key = home.Path(t.From.Key)
			if !yield(t, err) {
				return
			}
		}
	}}}, policy)
}

// deleteIDs deletes documents.
func deleteIDs(t *testing.T, w *store.Writer, ids ...string) {
	t.Helper()
	set, _, err := w.SelectIDs(t.Context(), ids)
	must(t, err)
	must(t, w.Delete(t.Context(), set))
}
