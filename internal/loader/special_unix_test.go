//go:build unix

package loader

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestWalkSpecialFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mkfifo(dir+"/fifo", 0o666); err != nil {
		t.Fatal(err)
	}
	// The path of a socket is short; that of a test may not be.
	short := must(os.MkdirTemp("", "s"))
	t.Cleanup(func() { os.RemoveAll(short) })
	listener := must(net.Listen("unix", filepath.Join(short, "socket")))
	t.Cleanup(func() { listener.Close() })
	if err := os.Symlink(filepath.Join(short, "socket"), dir+"/socket"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/null", dir+"/null"); err != nil {
		t.Fatal(err)
	}
	want := "skip fifo: a named pipe\nskip null: a device\nskip socket: a socket\n"
	if got := collect(NewWalker(WalkOptions{}), []string{dir}, dir); got != want {
		t.Errorf("found\n%swant\n%s", got, want)
	}
}
