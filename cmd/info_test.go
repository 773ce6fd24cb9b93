package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sheaf/internal/engine"
	"sheaf/internal/store"
)

func TestWorthCompacting(t *testing.T) {
	t.Parallel()
	const dim = 1 << 10 // 4 KiB a row
	tests := []struct {
		dead, documents int64
		want            bool
	}{
		{0, 0, false},
		{4095, 0, false}, // little room
		{4096, 0, true},
		{4096, 4 * 4096, true},
		{4096, 4*4096 + 1, false}, // a small share
		{1 << 20, 1 << 23, false},
	}
	for _, tt := range tests {
		info := engine.Info{Facts: engine.Facts{Dim: dim}, DeadRows: tt.dead, Documents: tt.documents}
		if got := worthCompacting(info); got != tt.want {
			t.Errorf("%d dead, %d alive: %v", tt.dead, tt.documents, got)
		}
	}
}

func TestInfoTellsWhenCompactIsWorthIt(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "store")
	notice := "sheaf: 64 rows of deleted documents, 16.8 MB: sheaf compact -s " + dir + " drops them\n"
	bulky(t, dir, 65)
	info := func(flags ...string) (stdout, stderr string) {
		s, out, errs := recorded("")
		if code := Main(t.Context(), append(flags, "info", "--config", os.DevNull, "--store", dir), s); code != exitOK {
			t.Fatalf("exit code %d: %s", code, errs)
		}
		return out.String(), errs.String()
	}
	if _, errs := info(); errs != "" {
		t.Errorf("with no dead rows: %q", errs)
	}
	args := []string{"delete", "--quiet", "--store", dir}
	for i := range 64 {
		args = append(args, fmt.Sprint(i))
	}
	sheaf(t, args...)
	if _, errs := info(); errs != notice {
		t.Errorf("%q, want %q", errs, notice)
	}
	if out, errs := info("--json"); errs != notice || strings.Contains(out, "compact drops") {
		t.Errorf("--json: %q and %q", out, errs)
	}
	if _, errs := info("--quiet"); errs != "" {
		t.Errorf("--quiet: %q", errs)
	}
	sheaf(t, "compact", "--quiet", "--store", dir)
	if _, errs := info(); errs != "" {
		t.Errorf("after compact: %q", errs)
	}
}

// bulky makes a store of n documents with the longest vectors there can be.
func bulky(t *testing.T, dir string, n int) {
	t.Helper()
	const dim = 1 << 16
	ctx := t.Context()
	w, err := store.Create(ctx, dir, engine.Facts{Dim: dim, Metric: engine.L2}, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	docs := func(yield func(engine.Transfer, error) bool) {
		for i := range n {
			d := engine.Document{ID: fmt.Sprint(i), Text: fmt.Sprint("text ", i), Vector: make([]float32, dim)}
			if !yield(engine.Transfer{Document: d, From: engine.Source{Key: "s", Name: "s"}}, nil) {
				return
			}
		}
	}
	if _, err := w.Merge(ctx, []engine.Snapshot{{Transfers: docs}}, engine.OnConflictFail); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
