package store_test

import (
	"context"
	"path/filepath"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/engine/enginetest"
	"sheaf/internal/store"
)

func TestConform(t *testing.T) {
	t.Parallel()
	enginetest.Conform(t, enginetest.Engine{
		Create: func(ctx context.Context, name string, f engine.Facts) (enginetest.Writer, error) {
			return store.Create(ctx, name, f, engine.Options{})
		},
		Open: func(ctx context.Context, name string) (enginetest.Reader, error) {
			return store.Open(ctx, name, engine.Options{})
		},
		OpenWriter: func(ctx context.Context, name string) (enginetest.Writer, error) {
			return store.OpenWriter(ctx, name, engine.Options{})
		},
		Name: func(t *testing.T) string { return filepath.Join(t.TempDir(), "store") },
	})
}
