package publish_test

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"sheaf/internal/publish"
)

// TestStale checks that the temporary files for the same path which no process has locked are
// removed, and no other file is.
func TestStale(t *testing.T) {
	t.Parallel()
	const stale, alive, link = ".a.sheaf-STALE", ".a.sheaf-ALIVE", ".a.sheaf-LINK"
	others := []string{alive, ".a", ".a.sheaf", ".b.sheaf-STALE", "a.sheaf-STALE"}
	dir := t.TempDir()
	for _, name := range append(others, stale) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("elsewhere", filepath.Join(dir, link)); err != nil {
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
	write(t, "new", filepath.Join(dir, "a"))
	for _, name := range append(others, "a", link) {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, stale)); err == nil {
		t.Error("the stale file is still there")
	}
}

// TestAtOnce checks that writers of the same path do not take each other's files for stale ones.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				err := publish.Write([]string{filepath.Join(dir, "a")}, func(files []*os.File) error {
					_, err := files[0].WriteString("whole")
					return err
				})
				if err != nil {
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
