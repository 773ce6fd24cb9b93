package publish_test

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"sheaf/internal/publish"
)

// TestStale: temporary files for the same path that nobody holds go, and no
// other file does.
func TestStale(t *testing.T) {
	t.Parallel()
	const left, alive = ".a1234567890123456789", ".a2345678901234567890"
	others := []string{alive, ".a20261121", ".a12345678901234567890", ".a123456789012345x789", ".b1234567890123456789", "a1234567890123456789"}
	dir := t.TempDir()
	for _, name := range append(others, left) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("elsewhere", filepath.Join(dir, ".a3456789012345678901")); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, alive))
	if err == nil {
		defer f.Close()
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		t.Fatal(err)
	}
	var s publish.Set
	write(t, &s, filepath.Join(dir, "a"), "new")
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := s.Discard(); err != nil {
		t.Fatal(err)
	}
	for _, name := range append(others, "a", ".a3456789012345678901") {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, left)); err == nil {
		t.Error("what was left is still there")
	}
}

// TestAtOnce: sets to the same place do not take each other's files for left ones.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				var s publish.Set
				f, err := s.Create(filepath.Join(dir, "a"))
				if err == nil {
					_, err = f.WriteString("whole")
				}
				if err == nil {
					err = s.Commit()
				}
				if err != nil {
					t.Error(err)
				}
				if err := s.Discard(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if got := content(t, dir); got != "a=whole" {
		t.Errorf("%q, want one whole file", got)
	}
}
