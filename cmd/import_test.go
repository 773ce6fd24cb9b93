package cmd

import (
	"strings"
	"testing"

	"sheaf/internal/langchain/langchaintest"
)

// TestImportExpands checks that a document which a small pickle has under many ids is
// refused, unless --max-expansion allows it.
func TestImportExpands(t *testing.T) {
	t.Parallel()
	src, dir := langchaintest.Shared(t, 700, strings.Repeat("word ", 20_000), []byte("{}")), t.TempDir()
	out, code := sheafIn(t, dir, "import", src)
	if code != exitDamaged || !strings.Contains(out, "its documents share") || !strings.Contains(out, "hint: --max-expansion N") || strings.Contains(out, "goroutine") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if _, code := sheafIn(t, dir, "info"); code != exitNoStore {
		t.Errorf("a store was left: exit code %d", code)
	}
	if out := mustSheaf(t, dir, "import", "--max-expansion", "1000", src); !strings.Contains(out, "700 documents imported") {
		t.Error(out)
	}
	if out, code := sheafIn(t, dir, "import", "--max-expansion", "0", src); code != exitUsage {
		t.Errorf("exit code %d: %s", code, out)
	}
}

func TestImportOnUnknown(t *testing.T) {
	t.Parallel()
	dir, src := t.TempDir(), ""
	hostile, all := langchaintest.Hostiles(t)
	for _, h := range all {
		if h.File == "pickles/evil_in_metadata.pkl" {
			src = h.Place(t, hostile)
		}
	}
	if out, code := sheafIn(t, dir, "import", src); code != exitDamaged || !strings.Contains(out, "hint: --on-unknown skip") {
		t.Errorf("exit code %d: %s", code, out)
	}
	for what, want := range map[string]string{"skip": "it was left out", "text": "it was read as text"} {
		if out := mustSheaf(t, dir, "import", "--on-unknown", what, "--store", what, src); !strings.Contains(out, want) {
			t.Errorf("%s: %s", what, out)
		}
	}
	if out, code := sheafIn(t, dir, "import", "--on-unknown", "guess", src); code != exitUsage {
		t.Errorf("exit code %d: %s", code, out)
	}
}
