package cmd

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// noted makes a store with two sources and returns its directory.
func noted(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "store")
	for name, lines := range map[string]string{
		"a.jsonl": `{"id": "one", "text": "First."}` + "\n" + `{"id": "two", "text": "Second."}`,
		"b.jsonl": `{"id": "three", "text": "Third."}`,
	} {
		path := filepath.Join(root, name)
		if err := os.WriteFile(path, []byte(lines), 0o666); err != nil {
			t.Fatal(err)
		}
		sheaf(t, "ingest", "--quiet", "--store", dir, path)
	}
	return dir
}

// sheaf runs a command line that must succeed and returns its stdout.
func sheaf(t *testing.T, args ...string) string {
	t.Helper()
	s, out, errs := recorded("")
	if code := Main(t.Context(), append(args, "--config", os.DevNull), s); code != exitOK {
		t.Fatalf("sheaf %s: exit code %d: %s", strings.Join(args, " "), code, errs)
	}
	return out.String()
}

func TestDeleteAsksOnATerminal(t *testing.T) {
	t.Parallel()
	const question = " [y/N] "
	tests := []struct {
		name, typed string
		args        []string
		code        int
		asked       bool
		left        int
	}{
		{"yes", "y\n", []string{"--source", "**/a.jsonl"}, exitOK, true, 1},
		{"in full", " YES \n", []string{"--source", "**"}, exitOK, true, 0},
		{"no", "n\n", []string{"--source", "**"}, exitFailed, true, 3},
		{"neither", "yes please\n", []string{"--source", "**"}, exitFailed, true, 3},
		{"nobody answers", "", []string{"--source", "**"}, exitFailed, true, 3},
		{"--yes", "", []string{"--source", "**", "--yes"}, exitOK, false, 0},
		{"--dry-run", "", []string{"--source", "**", "--dry-run"}, exitOK, false, 3},
		{"nothing matches", "", []string{"--source", "nosuch"}, exitOK, false, 3},
		{"by id", "", []string{"one", "two"}, exitOK, false, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := noted(t)
			s, _, errs := recorded(tt.typed)
			s.InTerminal, s.ErrTerminal = true, true
			code := Main(t.Context(), append(append([]string{"delete"}, tt.args...), "--config", os.DevNull, "--store", dir), s)
			if code != tt.code || strings.Contains(errs.String(), question) != tt.asked {
				t.Errorf("exit code %d, %q", code, errs)
			}
			if tt.asked && tt.code == exitFailed && !strings.Contains(errs.String(), "sheaf: error: not confirmed: nothing was deleted\n") {
				t.Errorf("%q", errs)
			}
			if got := strings.Count(sheaf(t, "list", "--ids", "--store", dir), "\n"); got != tt.left {
				t.Errorf("%d documents are left, want %d", got, tt.left)
			}
		})
	}
}

// Documents that are added between the question and the answer are not deleted.
func TestDeleteTakesOnlyWhatWasAgreedTo(t *testing.T) {
	t.Parallel()
	dir := noted(t)
	in, typed := io.Pipe()
	asked := make(chan struct{})
	s, _, errs := recorded("")
	s.In, s.InTerminal, s.ErrTerminal = in, true, true
	s.Err = &notifier{Writer: s.Err, on: "[y/N]", seen: asked}
	code := make(chan int)
	go func() {
		code <- Main(t.Context(), []string{"delete", "--config", os.DevNull, "--store", dir, "--source", "**"}, s)
	}()
	<-asked
	more := filepath.Join(t.TempDir(), "c.jsonl")
	if err := os.WriteFile(more, []byte(`{"id": "late", "text": "Late."}`), 0o666); err != nil {
		t.Fatal(err)
	}
	sheaf(t, "ingest", "--quiet", "--store", dir, more) // no lock is held meanwhile
	if _, err := io.WriteString(typed, "y\n"); err != nil {
		t.Fatal(err)
	}
	if got := <-code; got != exitOK {
		t.Fatalf("exit code %d: %s", got, errs)
	}
	if got := sheaf(t, "list", "--ids", "--store", dir); got != "late\n" {
		t.Errorf("%q is left", got)
	}
}

func TestDeleteIsInterruptedWhileItAsks(t *testing.T) {
	t.Parallel()
	dir := noted(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	asked := make(chan struct{})
	s, _, errs := recorded("")
	s.In, _ = io.Pipe() // nobody ever answers
	s.InTerminal, s.ErrTerminal = true, true
	s.Err = &notifier{Writer: s.Err, on: "[y/N]", seen: asked}
	code := make(chan int)
	go func() {
		code <- Main(ctx, []string{"delete", "--config", os.DevNull, "--store", dir, "--source", "**"}, s)
	}()
	<-asked
	cancel(interrupted{syscall.SIGINT})
	if got := <-code; got != exitInterrupted {
		t.Errorf("exit code %d: %s", got, errs)
	}
	if got := strings.Count(sheaf(t, "list", "--ids", "--store", dir), "\n"); got != 3 {
		t.Errorf("%d documents are left, want 3", got)
	}
}

// notifier closes seen when the text on is written.
type notifier struct {
	io.Writer
	on   string
	seen chan struct{}
}

func (n *notifier) Write(b []byte) (int, error) {
	written, err := n.Writer.Write(b)
	if strings.Contains(string(b), n.on) {
		close(n.seen)
	}
	return written, err
}
