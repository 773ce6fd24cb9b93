package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestMain measures, as bench does, where a test starts this program to.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == childVerb {
		main()
		return
	}
	os.Exit(m.Run())
}

// A measurement that is broken off leaves no program behind.
func TestProcessEndsWithContext(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := process("sh", "-c", `exec sleep 1000 >"$0"`, pipe)(ctx)
		done <- err
	}()
	held, err := os.Open(pipe) // returns when the program has opened it
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	cancel()
	if err := <-done; err == nil {
		t.Error("no error")
	}
	if _, err := io.ReadAll(held); err != nil { // ends when the program has
		t.Error(err)
	}
}
