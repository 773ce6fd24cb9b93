package enginetest_test

import (
	"context"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/engine/enginetest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	var m enginetest.Memory
	enginetest.Conform(t, enginetest.Engine{
		Create: func(ctx context.Context, name string, f engine.Facts) (enginetest.Writer, error) {
			return m.Create(ctx, name, f, engine.Options{})
		},
		Open: func(ctx context.Context, name string) (enginetest.Reader, error) {
			return m.Open(ctx, name, engine.Options{})
		},
		OpenWriter: func(ctx context.Context, name string) (enginetest.Writer, error) {
			return m.OpenWriter(ctx, name, engine.Options{})
		},
		Name: func(t *testing.T) string { return t.TempDir() },
	})
}
