package faulttest

import (
	"os"
	"testing"
)

// MemoryDir is a temporary folder, on a file system in memory where there is one: what
// a kill leaves is the same there, and a sync takes no time.
func MemoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "sheaf-test-*")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
