package cmd

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMCPFindsWhatCameLater: a server that runs finds what is ingested meanwhile.
func TestMCPFindsWhatCameLater(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store, early, late := filepath.Join(dir, "store"), filepath.Join(dir, "early.txt"), filepath.Join(dir, "late.txt")
	for path, text := range map[string]string{early: "The printer is on fire.", late: "Gulls shout at dawn."} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	sheaf(t, "ingest", "--quiet", "--store", store, early)
	in, requests := io.Pipe()
	answers, out := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- Main(t.Context(), []string{"mcp", "--config", os.DevNull, "--store", store}, Streams{In: in, Out: out, Err: io.Discard, Width: 80})
	}()
	lines := bufio.NewScanner(answers)
	ask := func(query string) string {
		fmt.Fprintf(requests, `{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "search", "arguments": {"query": %q, "k": 1}}}`+"\n", query)
		if !lines.Scan() {
			t.Fatal("there is no answer")
		}
		return lines.Text()
	}
	if got := ask("gulls"); strings.Contains(got, "Gulls") {
		t.Errorf("before: %s", got)
	}
	sheaf(t, "ingest", "--quiet", "--store", store, late)
	if got := ask("gulls"); !strings.Contains(got, "Gulls shout") {
		t.Errorf("after: %s", got)
	}
	if err := requests.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-code; got != 0 {
		t.Errorf("exit code %d", got)
	}
}
