package cmd

import (
	"os"
	"path/filepath"
	"testing"
)

// TestDuplicatesOnTerminal: on a terminal the texts of duplicates are shown.
func TestDuplicatesOnTerminal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	records, store := filepath.Join(dir, "records.jsonl"), filepath.Join(dir, "store")
	content := `{"id": "a", "text": "The tide.", "source": "one.txt", "start_line": 4, "vector": [1, 0]}
{"id": "b", "text": "The tides.", "source": "two.txt", "vector": [1, 0]}
`
	if err := os.WriteFile(records, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	sheaf(t, "import", "--quiet", "--store", store, records)
	s, out, errs := recorded("")
	s.OutTerminal, s.Width = true, 40
	if code := Main(t.Context(), []string{"duplicates", "--color", "never", "--config", os.DevNull, "--store", store}, s); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	want := "1.0000  a  one.txt:4\n   The tide.\n   b  two.txt\n   The tides.\n\n"
	if out.String() != want {
		t.Errorf("%q, want\n%q", out, want)
	}
}
