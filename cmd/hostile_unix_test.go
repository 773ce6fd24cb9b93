//go:build unix && !race

package cmd

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"sheaf/internal/langchain/langchaintest"
)

// The limits of time and memory for a hostile file.
const (
	hostileMemory  = 256 << 20
	hostileSeconds = 5
)

// TestHostileImport imports every hostile file, in a process each. Those that must be
// refused end with exit code 12 and a reason, within the limits, and leave no file.
func TestHostileImport(t *testing.T) {
	t.Parallel()
	hostile, all := langchaintest.Hostiles(t)
	for _, h := range all {
		t.Run(h.File, func(t *testing.T) {
			t.Parallel()
			src, dir := h.Place(t, hostile), t.TempDir()
			var stderr bytes.Buffer
			c := exec.CommandContext(t.Context(), "sheaf", "import", src, "--store", "made/store")
			if h.Kind == "bytes" {
				c.Args = append(c.Args, "--format", "bytes")
			}
			peak := filepath.Join(t.TempDir(), "peak")
			c.Dir, c.Env, c.Stderr = dir, append(append(os.Environ(), scrubbed(dir)...), peakFile+"="+peak), &stderr
			_ = c.Run() // the exit code tells
			if spent := c.ProcessState.UserTime() + c.ProcessState.SystemTime(); spent > hostileSeconds*time.Second {
				t.Errorf("it took %v", spent)
			}
			if kib := readPeak(t, peak); kib<<10 > hostileMemory {
				t.Errorf("it took %d KiB", kib)
			}
			switch code := c.ProcessState.ExitCode(); {
			case code == exitDamaged:
				checkRefused(t, dir, stderr.String())
			case code != exitOK || h.Outcome == "refuse":
				t.Errorf("%s: exit code %d: %s", h.Why, code, &stderr)
			}
		})
	}
}

// readPeak returns the peak of memory that a process wrote, in KiB, and 0 where the
// system does not tell it.
func readPeak(t *testing.T, path string) (kib int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			return kib
		}
	}
	if runtime.GOOS == "linux" {
		t.Errorf("no peak of memory in %q", text)
	}
	return 0
}

func checkRefused(t *testing.T, dir, stderr string) {
	t.Helper()
	if first, _, _ := strings.Cut(stderr, "\n"); !strings.HasPrefix(first, "sheaf: error: importing ") || strings.Contains(stderr, "goroutine ") {
		t.Errorf("stderr: %s", stderr)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

// TestHostileImportKeepsTheStore checks that a refused import does not change a store.
func TestHostileImportKeepsTheStore(t *testing.T) {
	t.Parallel()
	hostile, all := langchaintest.Hostiles(t)
	good, dir := filepath.Join(hostile, "base"), t.TempDir()
	mustSheaf(t, dir, "import", good)
	before := mustSheaf(t, dir, "list", "--jsonl", "--with-vectors")
	for _, h := range all {
		if h.File != "indexes/nan_vector.faiss" && h.File != "pickles/evil_in_metadata.pkl" && h.File != "bytes/truncated_90.bin" {
			continue
		}
		if out, code := sheafIn(t, dir, "import", h.Place(t, hostile), "--on-conflict", "replace"); code != exitDamaged {
			t.Errorf("%s: exit code %d: %s", h.File, code, out)
		}
		if after := mustSheaf(t, dir, "list", "--jsonl", "--with-vectors"); after != before {
			t.Errorf("%s changed the store:\n%s", h.File, after)
		}
	}
	if out, code := sheafIn(t, dir, "check"); code != exitOK {
		t.Errorf("check: %s", out)
	}
}
